/*
 * The words and numbers with which the history is asked and answers: what
 * METRICS, METRIC_ROW, FLAKY_ROW and ESTIMATES carry.
 */
#ifndef COMMON_HISTORY_H
#define COMMON_HISTORY_H

/* ESTIMATES: numbers for each test, all 0 for one without a history.  The last two are
 * of its newest attempts (at most METRIC_RECENT), when these were asked for: how many
 * failed and passed. */
enum {
	ESTIMATE_US, ESTIMATE_SPREAD_US, ESTIMATE_FAIL_PPM, ESTIMATE_FAILS, ESTIMATE_PASSES,
	ESTIMATE_STRIDE
};

/* And what they cost, by the newest attempts that ran to an end of their own: the median of
 * the CPU time, the shortest duration, and memory that 95 % of them did not pass. */
enum { COST_CPU_US, COST_SHORTEST_US, COST_MEMORY, COST_STRIDE };

/* The order of METRIC_ROWs: largest first, but for names. */
#define METRIC_SORT_LIST(X)						\
	X(DURATION, "duration")						\
	X(CPU, "cpuTime")						\
	X(MEMORY, "peakMemory")						\
	X(WASTED, "wasted")						\
	X(NAME, "name")							\
	X(LAST_RUN, "lastRun")

enum metric_sort {
#define X(N, s)	METRIC_SORT_##N,
	METRIC_SORT_LIST(X)
#undef X
	METRIC_SORT_COUNT
};

/* What is measured, and may have become worse. */
enum metric_kind { METRIC_DURATION, METRIC_CPU, METRIC_MEMORY, METRIC_OUTPUT, METRIC_KIND_COUNT };

/*
 * The numbers of one kind.  Quantiles are of the newest attempts (at most
 * METRIC_RECENT) that ran to an end of their own, linearly interpolated (Hyndman and
 * Fan 1996, type 7).  Of those that passed, BASE and MAD are the median and the median
 * absolute deviation of all before the newest METRIC_NEW, whose median is NEW; 0 while
 * there are too few.
 */
enum metric_stat {
	STAT_LAST, STAT_MEAN, STAT_MIN, STAT_P50, STAT_P90, STAT_P95, STAT_P99, STAT_MAX,
	STAT_BASE, STAT_MAD, STAT_NEW, STAT_COUNT
};

#define METRIC_RECENT	64
#define METRIC_NEW	3

/* What is known of a test's flakiness: see store/flakiness.h. */
#define FLAKY_STATE_LIST(X)						\
	X(NOT, "suspect")	/* both outcomes, too seldom to say more */	\
	X(IS, "flaky")							\
	X(WAS, "was flaky")	/* and has passed for long */

enum flaky_state {
#define X(N, s)	FLAKY_STATE_##N,
	FLAKY_STATE_LIST(X)
#undef X
	FLAKY_STATE_COUNT
};

/* Places in the order of a test's results, about when it began to be flaky: the first
 * result of the new rate, the last of the old one; and with 95 % it began at one from
 * EARLIEST to LATEST, so that what changed is behind SOUND and not behind LATEST. */
enum flaky_place {
	FLAKY_BEGAN, FLAKY_BEFORE, FLAKY_EARLIEST, FLAKY_LATEST, FLAKY_SOUND, FLAKY_PLACE_COUNT
};

#define FLAKY_LOST_DAYS	30	/* for which the time lost to a test is added up */

#endif

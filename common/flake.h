/*
 * Flake detection on the wire: what a client asks of a run whose tests run again and
 * again, and what is said of each test at its end.  The statistics are those of
 * supervisor/policy/flake.h.
 */
#ifndef COMMON_FLAKE_H
#define COMMON_FLAKE_H

#include <stdint.h>

#define FLAKE_RUNS_MAX	10000	/* attempts of a test, at the most */
#define FLAKE_DIAGNOSE	168	/* attempts more of a flaky test, for its cause */
#define FLAKE_DIAGNOSE_MAX 1000
#define FLAKE_THRESHOLD	0.1	/* unless another is given */
#define FLAKE_ANY_PPM	1	/* a threshold that every minority of so many is above */

/* What RUN_BEGIN says of flake detection, by index; what is not there, or is 0, has
 * the default of policy/flake.h.  Shares are in millionths. */
enum flake_setting {
	FLAKE_SET_ON,			/* 1: the run detects flaky tests */
	FLAKE_SET_RUNS,			/* so many attempts of each test; 0: as many as the
					 * verdict needs */
	FLAKE_SET_MAX_RUNS,		/* of a test, when RUNS is 0 */
	FLAKE_SET_THRESHOLD_PPM,	/* with RUNS: flaky above this share of the minority */
	FLAKE_SET_STOP_ON_STABLE,	/* with RUNS: 1 ends a test whose first half agree */
	FLAKE_SET_ALPHA_PPM,		/* chance to call one flaky that is not */
	FLAKE_SET_POWER_PPM,		/* chance to find one that fails at RATE or more */
	FLAKE_SET_RATE_PPM,		/* the smallest failure rate that is to be found */
	FLAKE_SET_NOISE_PPM,		/* the failure rate that counts as none */
	FLAKE_SET_FDR_PPM,		/* share of false ones among those confirmed */
	FLAKE_SET_PROVOKE,		/* 1: half of the attempts under changed conditions */
	FLAKE_SET_DIAGNOSE,		/* attempts more of a flaky test, for its cause; with
					 * PROVOKE, without RUNS and budgets */
	FLAKE_SET_BUDGET,		/* attempts of the whole run; 0: no bound */
	FLAKE_SET_BUDGET_MS,		/* time, after which nothing starts; 0: no bound */
	FLAKE_SET_RECORD,		/* 1: passes on record count, as flake_decide() says */
	FLAKE_SET_UNDER,		/* 1 + enum flake_condition: all attempts under this one */
	FLAKE_SET_UNTIL_FAILS,		/* so many failures end a test, as failed; 0: none do */
	FLAKE_SET_CONDITIONS,		/* which: bits of enum flake_condition; 0: the usual */
	FLAKE_SET_COUNT
};

/*
 * What an attempt is run under.  A condition only makes likely what can happen anyway:
 * none of them may make a sound test fail.
 */
#define FLAKE_CONDITION_LIST(X)						\
	X(PLAIN, "plain")						\
	X(PAUSED, "paused")	/* one process stops for 1 to 32 ms, then another */ \
	X(ONE_CPU, "one-cpu")	/* all of them share one */		\
	X(LOW_PRIORITY, "low-priority")	/* they give way to all others */ \
	X(LOADED, "loaded")	/* more work than CPUs, and they give way to it */ \
	X(STRESSED, "stressed")	/* memory and disk are busy */		\
	X(FEW_FILES, "few-files")	/* a low limit of open files */	\
	X(ZONE, "zone")		/* another time zone: far away, or at midnight */ \
	X(LOCALE, "locale")	/* another language */			\
	X(SEEDS, "seeds")	/* other hash seeds */			\
	X(CLOCK, "clock")	/* another time of day, where libfaketime is */ \
	X(TMPDIR, "tmpdir")	/* a deeper folder with a blank in its name */ \
	X(COPIES, "copies")	/* copies of itself run beside it */	\
	X(FIXED_LAYOUT, "fixed-layout")	/* no random addresses, fixed hash seeds */ \
	X(CROWDED, "crowded")	/* several other tests a CPU run beside it, and more work */

enum flake_condition {
#define X(N, s)	FLAKE_##N,
	FLAKE_CONDITION_LIST(X)
#undef X
	FLAKE_CONDITION_COUNT
};

/* Those under which an attempt is no evidence of flakiness: bits. */
#define FLAKE_ASIDE	(1u << FLAKE_COPIES | 1u << FLAKE_FIXED_LAYOUT)

/*
 * Those that may decide a verdict, unless others are asked for: bits.  None hides what it
 * provokes.  Not CLOCK: libfaketime 0.9.10 makes a sleep of Python 3.11 fail, and a file's times do
 * not fit the clock in Java and Node, which read them past it.
 */
#define FLAKE_USUAL	(1u << FLAKE_PAUSED | 1u << FLAKE_ONE_CPU | 1u << FLAKE_LOW_PRIORITY | \
			1u << FLAKE_LOADED | 1u << FLAKE_STRESSED | 1u << FLAKE_FEW_FILES | \
			1u << FLAKE_ZONE | 1u << FLAKE_LOCALE | 1u << FLAKE_SEEDS | \
			1u << FLAKE_TMPDIR | 1u << FLAKE_CROWDED)

/* Attempts for each one that a run may have at a time, in a crowd: on two CPUs eight bring
 * about what waits for something that long (a third of the attempts of a program that fails
 * in 1 % of them alone), and sixteen break what is sound. */
#define FLAKE_CROWD	4

/* An attempt under a condition has so many times its timeout: what takes longer then
 * has hung. */
#define FLAKE_SLOWDOWN	4

/* What becomes of a test. */
#define FLAKE_VERDICT_LIST(X)						\
	X(OPEN, "open")		/* run it again */			\
	X(STABLE, "stable")	/* fails less often than what is looked for */ \
	X(FLAKY, "flaky")	/* passes and fails, beyond doubt */	\
	X(BROKEN, "broken")	/* fails each time, but for noise */	\
	X(SUSPECT, "suspect")	/* did both, not often enough to be sure */ \
	X(UNSURE, "unsure")	/* did one thing, not often enough to be sure */

enum flake_verdict {
#define X(N, s)	FLAKE_##N,
	FLAKE_VERDICT_LIST(X)
#undef X
	FLAKE_VERDICT_COUNT
};

/* test.finished of such a run has these, by index. */
enum flake_figure {
	FLAKE_FIG_VERDICT,	/* enum flake_verdict */
	FLAKE_FIG_PASSES,	/* attempts that are evidence */
	FLAKE_FIG_FAILS,
	FLAKE_FIG_LOW_PPM,	/* the failure rate is in this interval, in millionths, with */
	FLAKE_FIG_HIGH_PPM,	/* 1 - alpha, whenever the attempts were ended */
	FLAKE_FIG_EVIDENCE_MILLI, /* ln of the e-value against "not flaky", in thousandths;
				 * 0 when it is not above 0 */
	FLAKE_FIG_STREAK,	/* passes on record that counted for it, too */
	FLAKE_FIG_COUNT
};

/* "flaky" for a verdict, "?" for one that is out of range. */
const char	*flake_verdict_name(uint64_t);
const char	*flake_condition_name(uint64_t);

#endif

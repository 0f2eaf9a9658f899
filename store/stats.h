/*
 * Statistics of the newest attempts of a test: pure functions over numbers.
 *
 * Only attempts of a test that ran to an end of its own are measured (pass, fail,
 * timeout, crash, oom).  Whether it became worse is asked of those that passed: a
 * failure is told as a failure, and one that ends early or hangs says nothing of cost.
 *
 * It became worse when all of the newest METRIC_NEW passes are above both
 *
 *	BASE + max(3 (1 + 3 / n) 1.4826 MAD, BASE / 4, a floor of the kind)
 *	the 90 % quantile of the n >= STATS_BASE_MIN passes before them
 *
 * where 1.4826 MAD is the standard deviation of normal noise, 3 / n makes up for a MAD
 * of few values, and the quantile keeps a test that has always had two speeds quiet.
 * All of the three and not their median: by simulation this, and not a wider margin, is
 * what keeps false alarms rare when noise has long tails.  With log-normal noise of 10 %
 * they are 200 in a million for n = 5 and none for n = 20; a test that takes twice as
 * long is found at once in 94 % and more, one that takes half as long again in 50 to
 * 70 %, and each later run has the same chance.  What it cannot tell from the test's own
 * fault is a machine that is slow for three runs.  See test_stats.c.
 */
#ifndef STORE_STATS_H
#define STORE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/history.h"
#include "store/recent.h"

#define STATS_BASE_MIN		5

void	stats_sort(uint64_t *, size_t n);

/* Quantile of sorted values, Hyndman and Fan type 7, to the nearest; 0 of none. */
uint64_t stats_quantile(const uint64_t *sorted, size_t n, unsigned percent);

/* Median absolute deviation from `median` of sorted values; 0 of none. */
uint64_t stats_mad(const uint64_t *sorted, size_t n, uint64_t median);

/* What `rows` (newest first, at most METRIC_RECENT) say of one kind; see enum
 * metric_stat.  LAST is that of the newest row, however it ended. */
void	stats_of(const struct recent_row *rows, uint32_t n, enum metric_kind,
	    uint64_t ret[STAT_COUNT]);

/* What became worse: bits 1 << enum metric_kind. */
uint32_t stats_regressed(const struct recent_row *rows, uint32_t n);

/* The figure of one attempt. */
uint64_t stats_value(const struct recent_row *, enum metric_kind);

#endif

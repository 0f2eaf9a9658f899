/*
 * What is expected of tests that have no history.  Pure.
 */
#ifndef POLICY_EXPECT_H
#define POLICY_EXPECT_H

#include <stdint.h>

#define EXPECT_FAIL_NEW_PPM	20000	/* of a new test */
#define EXPECT_FAIL_LEAST_PPM	1000	/* of one that never failed */

/*
 * Fills in the unknown of n tests, test i being of the suite suite[i].  One of
 * duration 0 is unknown and is expected to take the upper quartile of those of its
 * suite that are known (of all, when the suite has none), so that it starts early
 * rather than late.  Chances of failing are brought into
 * EXPECT_FAIL_LEAST_PPM..1000000.  When nothing is known durations stay 0.
 *
 * The quartile is interpolated: R. Hyndman, Y. Fan, "Sample Quantiles in
 * Statistical Packages", The American Statistician 50 (1996), type 7.
 *
 * Returns how many were known; -1, and nothing is changed: no memory.
 */
int64_t	expect_fill(const uint32_t *suite, uint64_t *expected_us, uint32_t *fail_ppm,
	    uint32_t n);

/*
 * Fills in the unknown peaks of memory (0) of n tests: 90 % of the known ones of its suite
 * are not larger, or of all when that has none.  When nothing is known they stay 0.
 * Returns as expect_fill().
 */
int64_t	expect_peaks(const uint32_t *suite, uint64_t *memory, uint32_t n);

#endif

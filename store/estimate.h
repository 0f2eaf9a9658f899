/*
 * What is expected of a test, by its record: how long it takes and how likely it is to
 * fail.  Kept as four numbers that each result moves a little, so that nothing old has
 * to be read again.
 *
 * Durations are looked at by their logarithm, where "twice as long" and "half as long"
 * weigh the same, with the moving averages of RFC 6298 (round-trip times):
 *
 *	dev += (|ln d - mu| - dev) / 4,  mu += (ln d - mu) / 8
 *
 * The first result sets mu = ln d, and dev = ln 1.1: RFC 6298 begins with half of what it
 * measured, but here dev / 2 is part of what is foretold, and the second run of a steady
 * test is to be told what the first one took.  sqrt(1.1) is 4.9 % more.  A test that is
 * not steady moves dev soon enough; above 0 it also says that something is known.
 */
#ifndef STORE_ESTIMATE_H
#define STORE_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

struct estimate {
	double		mu;	/* of ln(duration in us) */
	double		dev;	/* mean deviation from mu */
	double		fail;	/* share of results that were failures, the newest most */
	uint64_t	n;	/* results so far, 0: nothing is known */
};

/*
 * One more result.  To be called once for each run of the test, with the duration of its
 * last attempt: `failed` when it did not pass in the end, since a failure that a retry
 * heals says nothing of the change under test.  The share of failures loses a tenth of
 * its past with each result.
 */
void	estimate_add(struct estimate *, uint64_t duration_us, bool failed);

/* Expected duration, exp(mu + dev / 2), at least 1.  0 when nothing is known, or when
 * the numbers are none (they are read from a file). */
uint64_t estimate_us(const struct estimate *);

/* What one deviation more than the middle would add, exp(mu + dev) - exp(mu). */
uint64_t estimate_spread_us(const struct estimate *);

/* The chance of a failure in a million: its share, and 1,000 for what nobody foresees. */
uint32_t estimate_fail_ppm(const struct estimate *);

#endif

/*
 * Whether a failed attempt is tried again, and how long that waits.  Pure: the
 * wait depends on the policy of the test, the seed of the run, the test, the
 * number of the retry and the wait before it, and on nothing else.
 */
#ifndef POLICY_RETRY_H
#define POLICY_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/policy/sched.h"

#define RETRY_DELAY_MAX	(UINT64_MAX / 4000)	/* ms; longer waits are cut to it */
#define RETRY_PLEASE_MAX 2	/* for a test that asks: as SPEC_PLEASE_MAX of spec.h,
				 * which a unit test holds it to */

/* Is an attempt that ended so worth a retry? */
bool		retry_wanted(enum outcome);

/*
 * How to wait for the retry of a failure.  With auto_delay not at all, but for one that
 * looks like a resource's: another slot suffices for the others, while of retries for
 * one resource jitter keeps most from meeting again.
 */
#define RETRY_AUTO_BASE	250	/* ms, decorrelated jitter */
#define RETRY_AUTO_MAX	10000

struct sched_retry retry_policy(const struct sched_retry *, bool resource_like);

/*
 * Milliseconds to wait before retry `k` (from 1) of `test`.  `prev`: what the
 * retry before it waited, 0 for the first.
 *
 *	m = min(ceiling, delay * multiplier^(k - 1))
 *	none	      m
 *	full	      0 .. m
 *	equal	      m / 2 .. m
 *	decorrelated  min(ceiling, delay .. 3 * prev); the multiplier has no part
 *
 * M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
uint64_t	retry_delay(const struct sched_retry *, uint64_t seed, uint32_t test,
		    uint32_t k, uint64_t prev);

#endif

/*
 * The retries of one run: whether a failed attempt is tried again, and what stops
 * retries.  Owns the budgets and the breakers; the life of a test is sched.c's.
 * Pure.
 *
 * A retry is asked about twice.  When its test fails:
 *
 *	count		has the test retries left?  If not, nothing is said
 *	rules		do its own allow it?
 *	budgets		of each of its tags, of the run
 *	breakers	of the run, of each tag, of the failure's fingerprint
 *
 * in this order (a mass failure opens the breaker of the run); and again when it
 * would start, by the breakers alone, since much may have happened while it waited.
 * Only then it may become the probe of a breaker that has cooled down: a granted
 * retry that waits for long, or for the end of the run, keeps no others from it.
 *
 * A retry counts in the breakers of what it was granted for.  One that failed counts
 * in those of its tags and of the run only while the breaker of its fingerprint is
 * closed: what that one stops already says nothing about other failures.
 */
#ifndef POLICY_RETRIER_H
#define POLICY_RETRIER_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/policy/sched.h"

#define RETRIER_FINGERPRINTS	256	/* breakers; the oldest closed one is reused */

/*
 * A mass failure needs results of so many tests, and of half of the run: tests that
 * failed last time go first, so that one broken folder of the plan would look like it
 * in any smaller part.  Until then the breakers of the failures and of the run bound
 * what an outage costs.
 */
#define RETRIER_MASS_MIN	10

struct retrier;

/* For the tests of a plan, borrowed as there.  NULL: no memory. */
struct retrier	*retrier_new(const struct sched_plan *);
void		 retrier_free(struct retrier *);

/*
 * An attempt ended for good: not lost, or lost once too often.  `is_retry`: it was
 * one.  Before retrier_ask() about it.
 */
void		 retrier_ended(struct retrier *, uint64_t now, const struct sched_in *,
		    bool is_retry);

/* May a failed test, which had `retries`, have another?  RETRY_NONE: it has none left;
 * RETRY_GRANTED; else why it is refused. */
enum retry_decision retrier_ask(struct retrier *, uint64_t now, const struct sched_in *,
		    uint32_t retries);

/* Has a breaker opened since this was asked the last time? */
bool		 retrier_opened(struct retrier *);

/*
 * Do the breakers still allow the granted retry of `test` to start, or (!starts) to
 * wait on?  A breaker that is half-open stops only starts.  False: it is refused, and
 * its budgets have it back.
 */
bool		 retrier_allows(struct retrier *, uint64_t now, uint32_t test,
		    bool starts);

/* It starts. */
void		 retrier_started(struct retrier *, uint32_t test);

/* Says why the retry of act->test was refused. */
void		 retrier_explain(const struct retrier *, struct sched_act *act);

/* Sets *ret to the next change of a breaker that was not told yet. */
bool		 retrier_next_event(struct retrier *, struct sched_act *ret);

/* What `test` had come to: see sched_recall().  Breakers are closed again. */
void		 retrier_recall(struct retrier *, uint32_t test, const struct sched_past *);

#endif

/*
 * Does a test fail after certain others, or beside them?  Out of when each attempt of a run
 * began and ended: all tests of it run again and again, each time in another order.
 *
 * After: of two tests the one leaves something behind that the other takes away, so that
 * what matters is which of them was the last to end; or it is one test, since this one ran
 * itself.  Those whose ends lie the nearest to failures, and to passes, are looked at: the
 * chances are those of Mantel and Haenszel, who compare within each condition, times all
 * pairs that there are (Bonferroni).  Beside: for each other test, the attempts at whose
 * beginning it runs against the others, likewise; an attempt begins for as long as it takes to
 * pass, so that one that fails for taking long has no more beside it.
 *
 * Only while both tests run again and again, and half of all do: what is over says nothing.
 * And without attempts at once after a failure, which find everything as it was.
 */
#ifndef CTL_FLAKY_NEAR_H
#define CTL_FLAKY_NEAR_H

#include "ctl/flaky_cause.h"
#include "ctl/results.h"

/* All attempts of a run by time; borrows names.  Costs 24 bytes an attempt. */
struct flaky_trail;
struct flaky_trail	*flaky_trail_of(const struct results *);
void			 flaky_trail_free(struct flaky_trail *);

/* Sets `after` and `along` for the test of that index. */
void	flaky_near(const struct flaky_trail *, const struct results *, uint64_t index,
	    struct flaky_evidence *);

#endif

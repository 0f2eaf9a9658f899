/*
 * When a test fails: in a row, every so many attempts, again at once, at a certain part of
 * the clock, or when others fail too.
 */
#ifndef CTL_FLAKY_WHEN_H
#define CTL_FLAKY_WHEN_H

#include "ctl/flaky_cause.h"
#include "ctl/results.h"

/* The moments at which tests of a run failed that do not always fail. */
struct flaky_moments;
struct flaky_moments	*flaky_moments_of(const struct results *);
void			 flaky_moments_free(struct flaky_moments *);

/* Sets what the evidence, of which the conditions are counted, has about time: stretches,
 * rhythm, beside and apart, again, clock. */
void	flaky_when(const struct flaky_moments *, const struct test_result *,
	    struct flaky_evidence *);

#endif

/* The retries that a suite as a whole asks for; those of a test: suite_run.h. */
#ifndef CTL_SUITE_RETRY_H
#define CTL_SUITE_RETRY_H

#include "ctl/suite_node.h"

/*
 * `retry_budget`: a limit for the run, or {run: LIMIT, tags: {TAG: LIMIT}}, into
 * the plan.  0, or -EINVAL with the error.
 */
int	suite_retry_budget(const struct suite_source *, const struct suite_node *,
	    struct plan *);

#endif

/* Sending a plan to the supervisor. */
#ifndef CTL_SUBMIT_H
#define CTL_SUBMIT_H

#include "ctl/client.h"
#include "ctl/plan.h"

struct submit {
	const char	*label;		/* NULL: the plan's name */
	bool		 has_timeout, detach, live, shuffle;
	uint64_t	 timeout_ms;	/* of the run, with has_timeout */
	uint64_t	 seed;
	char		 run[64];	/* out: its id */
	uint64_t	 jobs;		/* out: as the supervisor decided */
};

/*
 * Submits the whole plan with the environment and umask of this process.  0;
 * -EINVAL when a test cannot be sent, or as client_request(); with the error set
 * (code MSG_ERR_BAD when nothing but the plan is to blame).
 */
int	submit_plan(struct client *, const struct plan *, struct submit *,
	    struct client_error *);

#endif

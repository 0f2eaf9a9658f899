/* Sending a plan to the supervisor. */
#ifndef CTL_SUBMIT_H
#define CTL_SUBMIT_H

#include "common/flake.h"
#include "common/spec.h"
#include "ctl/client.h"
#include "ctl/plan.h"

struct submit {
	const char	*label;		/* NULL: the plan's name */
	const char	*parent;	/* id of the run whose tests run again, NULL: none */
	const char	*revision;	/* NULL: not said */
	bool		 has_timeout, detach, live, shuffle, plan_order;
	bool		 shared;	/* one test at a time, all with one TMPDIR */
	bool		 has_breaker;
	uint64_t	 breaker[BREAKER_SET_COUNT];	/* with has_breaker */
	uint64_t	 flake[FLAKE_SET_COUNT];	/* ON is 0: an ordinary run */
	uint64_t	 timeout_ms;	/* of the run, with has_timeout */
	uint64_t	 seed;
	int		 priority;
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

/* The same without the commit: the plan is open on the connection, and the next
 * request decides what becomes of it. */
int	submit_open(struct client *, const struct plan *, const struct submit *,
	    struct client_error *);

/*
 * The body of the TEST_ADD of a test, malloc'ed.  0; -EINVAL with a line in `why`
 * (CLIENT_WHY bytes) when it breaks a rule of common/spec.h; or as msg_encode().
 */
int	submit_encode(const struct plan_test *, char **ret_data, size_t *ret_len, char *why);

#endif

/*
 * A plan from the record of a run: the inverse of ctl/submit.h.  What comes is a
 * supervisor's word about tests that it once took; it is checked as a suite is.
 */
#ifndef CTL_PLAN_WIRE_H
#define CTL_PLAN_WIRE_H

#include "ctl/client.h"
#include "ctl/plan.h"

/* The run that a plan was read from. */
struct plan_origin {
	char		run[64];	/* its whole id; "": none came */
	uint64_t	total;		/* tests that it had */
	uint64_t	status;		/* enum run_status */
};

/* Adds the test that the body of a TEST_ADD describes.  0, -EBADMSG, -EINVAL with a
 * line in `why` (CLIENT_WHY bytes), -ENOMEM; the plan is as it was then. */
int	plan_wire_add(struct plan *, const void *spec, size_t len, char *why);

/*
 * Asks for what a run (NULL: the newest) was asked to do, only its open tests or all,
 * and puts it into the empty plan.  0 or as client_request(), -EPROTO for a record that
 * makes no plan; with the error set.
 */
int	plan_wire_read(struct client *, const char *run, bool open, struct plan *,
	    struct plan_origin *, struct client_error *);

#endif

/*
 * What the worker says of a failed attempt beside its outcome: what the test's retry
 * rules say, and which other failures are the same.
 */
#ifndef WORKER_FAILURE_H
#define WORKER_FAILURE_H

#include "common/msg.h"
#include "worker/capture.h"
#include "worker/fingerprint.h"
#include "worker/judge.h"

/* Borrowed for the call. */
struct failure_facts {
	const struct msg_test_add	*spec;
	const struct judgement		*judgement;
	struct capture *const		*captures;	/* of setup, test, teardown; NULL: none */
	bool				 ended;		/* by itself: with this status */
	int				 wstatus;
	/* Called now and then; may be NULL. */
	void				(*alive)(void *arg);
	void				*arg;
};

/* What the message borrows. */
struct failure {
	struct fingerprint	fingerprint;
	struct strbuf		problems;	/* of the rules: a line each, or n is 0 */
};

/*
 * Fills in retry_says, retry_rule, fingerprint, failure and resource_like of an
 * attempt that failed; does nothing for any other.  failure_free() when it is sent.
 */
void	failure_describe(const struct failure_facts *, struct failure *ret,
	    struct msg_attempt_done *);
void	failure_free(struct failure *);

#endif

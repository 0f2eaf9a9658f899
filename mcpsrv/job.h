/*
 * A call that has a run: it is submitted, or there already; followed; told of when it
 * is over or when the caller does not want to wait longer.  Tools fill a struct job and
 * start it.
 */
#ifndef MCPSRV_JOB_H
#define MCPSRV_JOB_H

#include "ctl/plan.h"
#include "ctl/plan_wire.h"
#include "ctl/results.h"
#include "ctl/submit.h"
#include "mcpsrv/answer.h"
#include "mcpsrv/call.h"
#include "mcpsrv/define.h"

struct event;

struct job {
	struct call		 call;
	/* What the tool says. */
	struct plan		 plan;
	struct define_call	 define;
	struct submit		 submit;
	struct answer_view	 view;
	bool			 has_wait;
	uint64_t		 wait_ms;
	uint64_t		 attempts;	/* of all tests, when that is known before */
	char			*cwd;		/* of the call, owned; define.cwd */
	char			*from;		/* the run where names are looked for; NULL: any */
	/* When all tests are known: what the tool changes in them; may be NULL. */
	void			(*prepare)(struct job *);
	/* The answer, out of job.results. */
	json_t			*(*answer)(struct job *);
	/* What tools keep. */
	uint64_t		 not_retried;
	bool			 no_timeouts;	/* of what had timed out nothing runs again */
	double			 threshold;
	bool			 stable_too;

	/* The job's own. */
	struct plan		 known;		/* of the run that names are looked for in */
	struct plan_origin	 origin;
	size_t			 unknown;	/* index of the test that is looked for */
	char			 found[64];	/* the run that has it; "": not known */
	uint64_t		 timeout_ms, worker_timeout_ms, jobs;	/* the supervisor's */
	bool			 theirs;	/* the run was there before the call */
	bool			 submitted, committing, lagged, no_follow, giving_up;
	bool			 caught_up;	/* what was there has been read, now it is followed */
	struct results		 results;
	uint64_t		 finished;	/* attempts */
	struct event		*wait, *tick;
	msec_t			 told_ms;	/* when progress was */
	char			 why[CLIENT_WHY];
	char			 reason[512];	/* of the cancel */
};

struct job	*job_new(struct srv *, struct mcp_request *, const char *tool);

/* What many tools have: detail, limit, outputLines, waitMs, cwd, env, timeout, label,
 * maxWorkers.  False: the call has been answered, with what is wrong. */
bool	job_arguments(struct job *);

/* Adds the definitions of `tests`; as job_arguments(). */
bool	job_define(struct job *, const json_t *tests, const char *place);

/* Looks up the tests whose commands are not known, submits the plan and follows. */
void	job_start(struct job *);

/* The same for a run that is there, its whole plan or the tests that did not pass. */
void	job_start_again(struct job *, const char *run);

/* Follows a run that is there. */
void	job_follow(struct job *, const char *run);

/* ---- between job.c and its parts ---- */

void	job_lookup(struct job *);	/* goes on with job_submit() */
void	job_submit(struct job *);

#endif

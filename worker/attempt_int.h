/* What the files of attempt.h share: an attempt in the making. */
#ifndef WORKER_ATTEMPT_INT_H
#define WORKER_ATTEMPT_INT_H

#include <event2/event_struct.h>
#include <sys/types.h>

#include "common/figures.h"
#include "common/flake.h"
#include "worker/attempt.h"
#include "worker/company.h"
#include "worker/condition.h"
#include "worker/confine.h"
#include "worker/pauser.h"
#include "worker/report.h"
#include "worker/sampler.h"
#include "worker/stage.h"
#include "worker/sweep.h"
#include "worker/tap.h"
#include "worker/tmpdir.h"

enum phase { PHASE_SETUP, PHASE_TEST, PHASE_TEARDOWN, PHASE_SWEEP, PHASE_CLEAN, PHASE_REPORT };
#define N_STAGES	(PHASE_SWEEP + 1)

struct attempt {
	const struct attempt_host	*host;
	struct msg_reader	*reader;	/* what spec borrows from, with data */
	char			*data;
	struct msg_test_add	 spec;
	uint64_t		 id, timeout_ms, grace_ms, output_limit;
	uint64_t		 start_ms, start_us;
	uint64_t		 ready_us;	/* nothing keeps the test from its start */
	char			*cwd, *tmpdir;
	struct condition_env	 env;
	enum flake_condition	 condition;	/* of the test, not of its hooks */
	uint64_t		 slot;
	struct pauser		 pauser;
	struct company		 company;
	struct confine		 confine;
	bool			 shared;	/* its folder is the run's */
	uint64_t		 usual_ms;	/* as in msg.def */
	char			 dir[TMPDIR_NAME];	/* of it; "" none */

	enum phase		 phase;
	struct stage		 stages[N_STAGES];
	struct capture		*captures[REPORT_STAGES];
	struct sweep		 sweep;
	struct sampler		 sampler;
	uint64_t		 figures[FIGURE_COUNT];
	struct event		 timer;		/* of CLEAN */
	pid_t			 cleaner;	/* 0: none */
	struct tap		*tap;
	struct report		 report;

	bool			 aborted, run_timed_out, killed;
	bool			 decided;	/* the result is made, or being made */
	char			*no_ground, *no_start, *hook_problem[REPORT_STAGES];
	struct msg_attempt_done	 done;
	char			*inline_output;
};

/* ---- attempt_result.c ---- */

/* What it all has cost, into `done`; once, when nothing of it lives any more. */
void	attempt_measure(struct attempt *);

/* Queues the answer, and tells the host that it is over; once. */
void	attempt_send_result(struct attempt *);

#endif

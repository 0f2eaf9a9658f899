/*
 * One run: a plan, its scheduler, its events.  run_feed() is the only way in for
 * what happens; results come back as data in a queue, so that a step never calls
 * itself.
 *
 *	ACTIVE ──── every test has its verdict ───► OVER (kept on show for a while)
 */
#ifndef SUPERVISOR_RUN_H
#define SUPERVISOR_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/event.h"
#include "common/outcome.h"
#include "supervisor/evlog.h"
#include "supervisor/manifest.h"
#include "supervisor/pool.h"
#include "supervisor/spool.h"

#define RUN_ID		32	/* hexadecimal digits */

struct run {
	TAILQ_ENTRY(run)	 entry;		/* in the runs' list, newest first */
	struct runs		*runs;		/* whose it is */
	char			 id[RUN_ID + 1];
	uid_t			 uid;		/* owner */
	const struct peer	*client;	/* whose end cancels it; NULL: nobody's */
	struct manifest		 plan;		/* owned */
	struct sched		*sched;		/* NULL when over */
	struct event		*timer;
	struct spool		 spool;
	struct evlog		 log;
	bool			 over, spool_failed;
	enum run_status		 status;
	enum sched_stop		 stop;		/* why nothing more starts */
	const char		*reason;	/* who cancelled it; constant */
	uint32_t		 limit;		/* units it may hold now */
	uint64_t		 served_ms;	/* unit-milliseconds it has had */
	uint64_t		 start_ms, end_ms;	/* since the epoch */
	uint64_t		 start_us, duration_us, sequential_us;
	uint64_t		 counts[TEST_STATUS_COUNT];
	uint64_t		 flaky, infrastructure;
	uint64_t		 workers[1024 / 64];	/* bits: slots that were used */
	/* Inputs that wait for the step.  The results are a ring with a place for
	 * each attempt that may run, so that none is lost for want of memory. */
	struct sched_in		*results;
	uint32_t		 first, nresults;
	bool			 tick, cancel, cancel_kill;
	bool			 feeding;
};

/*
 * Starts a run of the plan, which it takes over.  NULL: no memory (the plan is
 * still the caller's).
 */
struct run	*run_new(struct runs *, struct manifest *, const char *id, uid_t);
void		 run_free(struct run *);

/* Something happened, or the limit changed: take a step. */
void	run_feed(struct run *, const struct sched_in *);

/* Ends it; reason: constant text. */
void	run_cancel(struct run *, bool kill, const char *reason);

/* The pool's callbacks about an attempt of a run. */
void	run_on_starting(struct run *, const struct pool_job *, unsigned slot);
void	run_on_over(struct run *, const struct pool_job *, const struct pool_over *);
/* Keeps a part of the output of an attempt. */
void	run_keep_output(struct run *, uint32_t test, uint32_t attempt, unsigned stream,
	    struct sv data);

/* Somebody wants output as it comes, of a test or of all (POOL_ALL): also of the
 * attempts that are still to start. */
void	run_follow(struct run *, uint32_t test);

/* The output kept of an attempt (0: of the last that has any), or NULL. */
const struct manifest_output	*run_output(const struct run *, uint32_t test, uint32_t attempt);

void	run_row(const struct run *, struct msg_run_row *ret);
uint64_t run_memory(const struct run *);

#endif

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
#include "common/journal.h"
#include "common/outcome.h"
#include "supervisor/draft.h"
#include "supervisor/evlog.h"
#include "supervisor/manifest.h"
#include "supervisor/pool.h"
#include "supervisor/users.h"

#define RUN_ID		DRAFT_ID	/* hexadecimal digits */

struct run {
	TAILQ_ENTRY(run)	 entry;		/* in the runs' list, newest first */
	struct runs		*runs;		/* whose it is */
	char			 id[RUN_ID + 1];
	uid_t			 uid;		/* owner */
	struct identity		*who;		/* whom its tests run as; NULL: as we are */
	struct user		*user;		/* the same, among those with runs */
	TAILQ_ENTRY(run)	 mate;		/* active runs of this user */
	const struct peer	*client;	/* whose end cancels it; NULL: nobody's */
	struct manifest		 plan;		/* owned */
	struct sched		*sched;		/* NULL when over */
	struct event		*timer;
	struct journal		 journal;	/* its record: events, output */
	struct tracked		*tracked;	/* NULL: not in the history */
	struct evlog		 log;
	uint64_t		 output_bytes;	/* kept */
	bool			 over, output_failed, write_failed, record_ended;
	enum run_status		 status;
	enum sched_stop		 stop;		/* why nothing more starts */
	char			*reason;	/* who cancelled it, and why; NULL: nobody */
	uint64_t		 forsaken_ms;	/* when it was read back without its client,
						 * monotonic; 0: it waits for none */
	uint32_t		 limit;		/* units it may hold now; wide: CPUs */
	uint32_t		 passed;	/* starts of others while it waits for memory */
	uint64_t		 served_ms;	/* unit-milliseconds it has had */
	uint64_t		 start_ms, end_ms;	/* since the epoch */
	uint64_t		 start_us, duration_us, sequential_us;
	uint64_t		 expected_us, bound_us;	/* of duration_us; 0: not known */
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
 * A run of the draft's plan, which it takes over with its journal; the draft is then
 * to be freed.  NULL: no memory (all is still the draft's).
 */
struct run	*run_new(struct runs *, struct draft *);
void		 run_free(struct run *);

/* Its first event.  (A run that is read back has it already.) */
void		 run_begin(struct run *);

/* Once a turn, before anything leaves: what happened is written. */
void		 run_flush(struct run *);

/* Something happened, or the limit changed: take a step. */
void	run_feed(struct run *, const struct sched_in *);

/* Ends it; the reason is copied. */
void	run_cancel(struct run *, bool kill, const char *reason);

/* Why a run stopped, by the message of its run.cancelling. */
enum sched_stop	run_stop_named(struct sv reason);

/* The pool's callbacks about an attempt of a run. */
void	run_on_starting(struct run *, const struct pool_job *, unsigned slot);
void	run_on_over(struct run *, const struct pool_job *, const struct pool_over *);

void	run_row(const struct run *, struct msg_run_row *ret);
uint64_t run_memory(const struct run *);

#endif

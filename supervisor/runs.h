/*
 * All runs of this supervisor: the active ones share the pool, the finished ones
 * stay on show until newer ones push them out.
 */
#ifndef SUPERVISOR_RUNS_H
#define SUPERVISOR_RUNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/event.h"
#include "supervisor/admission.h"
#include "supervisor/config.h"
#include "supervisor/pool.h"
#include "supervisor/run.h"

/* Observers of all runs: they look, and call nothing back. */
struct runs_ops {
	/* An event was put on record; urgent: somebody waits for it. */
	void	(*event)(void *arg, bool urgent);
	/* A part of the output of a running test. */
	void	(*live)(void *arg, struct run *, uint32_t test, uint32_t attempt,
		    unsigned stream, struct sv);
	void	(*test_over)(void *arg, struct run *, uint32_t test);
	/* The run is about to be freed. */
	void	(*forget)(void *arg, struct run *);
};

struct runs {
	struct event_base	*base;
	const struct config	*config;
	struct pool		*pool;
	struct history		*history;
	const char		*no_history;	/* why there is none; NULL: there is */
	const struct runs_ops	*ops;
	void			*arg;
	TAILQ_HEAD(, run)	 list;		/* newest first */
	struct users		 users;		/* that have runs in it */
	uint32_t		 nactive, nover;
	uint64_t		 total;		/* since the start */
	uint64_t		 next_context;
	uint32_t		 cpus;
	uid_t			 owner;		/* of the supervisor */
	bool			 dirty;		/* shares must be looked at again */
	struct admission	 admission;
};

extern const struct pool_ops	runs_pool_ops;

/* config: borrowed for the life of the runs; pool and history, set by the caller
 * before the first run, likewise.  host: where the host is looked at, see pressure.h.  Dies
 * when there is no memory. */
void	runs_init(struct runs *, struct event_base *, const struct config *, const char *host,
	    const struct runs_ops *, void *arg);
void	runs_free(struct runs *);

/* Makes a run of a draft, which is then empty and to be freed.  expected_us, bound_us:
 * of its duration.  *ret, or -ENOMEM, -ENOSPC when max-runs are active. */
int	runs_commit(struct runs *, struct draft *, uint64_t expected_us, uint64_t bound_us,
	    struct run **ret);

/* Finished runs of this user go from show, the oldest first, until they held `bytes`.
 * Returns how many they did. */
uint64_t runs_prune_user(struct runs *, uid_t, uint64_t bytes);

/* Takes in a run that was read back: over, or about to go on. */
void	runs_adopt(struct runs *, struct run *);

/* After all are read back: what their tests shared is there, or is said to be gone;
 * what no run wants any more is removed.  scratch: the pool's. */
void	runs_inherit(struct runs *, const char *scratch);

/* Once a turn, before anything leaves: writes what happened. */
void	runs_flush(struct runs *);

/* Now and then: cancels what was read back and whose client did not come again. */
void	runs_tick(struct runs *, uint64_t now_ms);

/* A warning for every active run: the history has a fault, or is well again. */
void	runs_warn(struct runs *, const char *text);

/* Is there a history, well or not? */
bool	runs_keep_history(const struct runs *);

/* Why results are not kept for good; NULL: they are. */
const char *runs_history_fault(const struct runs *);

/*
 * The run of `uid` (root: of anybody) whose id starts so; "latest", or nothing: the
 * newest.  0; -ENOENT, or -ENOTUNIQ when several do.
 */
int	runs_find(struct runs *, struct sv name, uid_t, struct run **ret);

/* Shares the pool anew where that is due.  Called once a turn of the loop. */
void	runs_share(struct runs *);

/* Attempts that wait for a slot, or for their time: of this user's runs, 0: of all. */
uint64_t runs_queued(const struct runs *, uid_t);

/* The attempts that may run at a time now; likewise, as if there were no other runs. */
uint32_t runs_capacity(const struct runs *, uid_t);

/* Cancels what this peer submitted and did not detach. */
void	runs_client_gone(struct runs *, const struct peer *);
void	runs_cancel_all(struct runs *, bool kill, const char *reason);

/* What a run tells its runs. */
void	runs_on_event(struct runs *, enum event_type);
void	runs_on_test_over(struct runs *, struct run *, uint32_t test);
void	runs_on_run_over(struct runs *, struct run *);

#endif

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
	const char		*spool_dir;
	const struct runs_ops	*ops;
	void			*arg;
	TAILQ_HEAD(, run)	 list;		/* newest first */
	uint32_t		 nactive, nover;
	uint64_t		 total;		/* since the start */
	uint64_t		 next_context;
	uint32_t		 cpus;
	bool			 dirty;		/* shares must be looked at again */
};

extern const struct pool_ops	runs_pool_ops;

/* config, pool, spool_dir: borrowed for the life of the runs. */
void	runs_init(struct runs *, struct event_base *, const struct config *,
	    const char *spool_dir, const struct runs_ops *, void *arg);
void	runs_free(struct runs *);

/* Makes a run of a plan and takes the plan over.  *ret, or -ENOMEM, -ENOSPC when
 * max-runs are active. */
int	runs_commit(struct runs *, struct manifest *, uid_t, struct run **ret);

/*
 * The run of `uid` (root: of anybody) whose id starts with `prefix`; an empty one:
 * the newest.  0; -ENOENT, or -ENOTUNIQ when several do.
 */
int	runs_find(struct runs *, struct sv prefix, uid_t, struct run **ret);

/* Shares the pool anew where that is due.  Called once a turn of the loop. */
void	runs_share(struct runs *);

/* The attempts that may run at a time now. */
uint32_t runs_capacity(const struct runs *);

/* Cancels what this peer submitted and did not detach. */
void	runs_client_gone(struct runs *, const struct peer *);
void	runs_cancel_all(struct runs *, bool kill, const char *reason);

/* What a run tells its runs. */
void	runs_on_event(struct runs *, enum event_type);
void	runs_on_test_over(struct runs *, struct run *, uint32_t test);
void	runs_on_run_over(struct runs *, struct run *);

#endif

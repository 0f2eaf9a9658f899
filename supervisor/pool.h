/*
 * The workers: processes in numbered slots, each with one attempt at a time.  The
 * pool grows as attempts are given to it and shrinks when slots stay idle; what a
 * slot does next is decided by policy/slot_fsm.  It knows nothing of runs: it
 * calls back, never up.
 */
#ifndef SUPERVISOR_POOL_H
#define SUPERVISOR_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/clock.h"
#include "common/flake.h"
#include "common/msg.h"
#include "supervisor/config.h"

struct cgroup;
struct event_base;
struct identity;
struct limits;
struct log_subject;
struct peer_set;
struct pool;

/* What the process of a worker is for; one worker serves one kind. */
struct pool_kind {
	const struct identity	*who;	/* as whom it runs them; NULL: as we are; borrowed */
	struct isolation_want	 isolation; /* AUTO: as little as PROCESS */
};

/* One attempt, as the owner asks for it. */
struct pool_job {
	void		*owner;		/* given back; with test and attempt its name */
	uint32_t	 test, attempt;
	const struct msg_context *context; /* borrowed until the job is over */
	struct sv	 spec;		/* body of a TEST_ADD; borrowed likewise */
	struct pool_kind kind;		/* of the worker that it needs */
	uint64_t	 timeout_ms, grace_ms, output_limit;
	uint64_t	 limit_ms;	/* all of it with its hooks, 0: no limit */
	bool		 follow, shared;	/* shared: see msg.def */
	const struct limits *limits;	/* NULL: none; borrowed likewise */
	enum flake_condition condition;
	uint64_t	 usual_ms;	/* as in msg.def */
};

enum pool_end {
	POOL_DONE,	/* its result came */
	POOL_LOST,	/* the worker died under it, or none could be had */
	POOL_UNSTARTED,	/* it was aborted before a worker had it */
};

struct pool_over {
	enum pool_end	end;
	unsigned	slot;		/* from 1; 0: none had it */
	const char	*host, *isolation;	/* of the worker */
	const struct msg_attempt_done *done;	/* POOL_DONE */
	uint64_t	start_ms;	/* POOL_LOST: since the epoch */
	const char	*why;		/* POOL_LOST: no worker can be had; NULL: not known.  The
					 * owner's, of POOL_DONE: why it takes that for lost */
	uint64_t	elapsed_us;
};

struct pool_ops {
	/* About to be handed to the worker: put it on record. */
	void	(*starting)(const struct pool_job *, unsigned slot);
	void	(*over)(const struct pool_job *, const struct pool_over *);
	/* A part of the output: of the record, or live. */
	void	(*output)(const struct pool_job *, unsigned stream, struct sv, bool live);
	/* What a line of the log about it is about. */
	void	(*subject)(const struct pool_job *, struct log_subject *);
};

struct pool_count {
	uint64_t	total, busy, idle, replaced, completed;
};

/* program, scratch: borrowed.  NULL: no memory. */
struct pool	*pool_new(struct event_base *, struct peer_set *, const struct config *,
		    const char *program, const char *scratch, const struct pool_ops *);
void		 pool_free(struct pool *);

/* From now on each worker is its job's user, and a job without one is refused.  The
 * folder of the pool is then one in which each user has a folder, POOL_USER and the uid. */
#define POOL_USER	"u."
void		 pool_act_for_users(struct pool *);

/* Control groups for its slots; borrowed. */
void		 pool_use_groups(struct pool *, struct cgroup *);

/* Gives an attempt to the lowest idle slot, or to a new one as soon as it is up.
 * 0, -ENOMEM, or -EPERM for one that is nobody's where each is somebody's. */
int	pool_start(struct pool *, const struct pool_job *);

/* Ends an attempt; `over` is called when it has ended. */
void	pool_abort(struct pool *, const void *owner, uint32_t test, uint32_t attempt,
	    bool kill, bool timeout);

/* Live output of a test's attempt (POOL_ALL: of all of this owner) from now on, with
 * what it has printed so far. */
#define POOL_ALL	UINT32_MAX
void	pool_follow(struct pool *, const void *owner, uint32_t test);

/* Starts workers of this kind until n are there, so that the first attempts find them. */
void	pool_prepare(struct pool *, const struct pool_kind *, unsigned n);

/* SIGCHLD came: reaps what has ended, and ends what dead workers left. */
void	pool_reap(struct pool *);

/* A child of ours that is no worker is none of this pool's business but to reap:
 * `exited` is called when it has ended.  One at a time; pid 0: none. */
void	pool_guest(struct pool *, pid_t, void (*exited)(void *arg, int status), void *arg);

/*
 * What the tests of a run share is in a folder of this name, beside those of the slots, and
 * one slot is theirs alone.  pool_forget() is to be called when the run is over (owner: of
 * its jobs; NULL: it had none here; who: whose they were): a process removes the folder.
 */
#define POOL_SHARED	"r."	/* and the id of the run */
void	pool_forget(struct pool *, const void *owner, const struct identity *who,
	    const char *run);

/* Removes a folder with the rights of `who`, by a process of its own. */
void	pool_remove(struct pool *, const char *dir, const struct identity *who);

/* Ends every worker; pool_empty() says when they are gone. */
void	pool_stop(struct pool *, bool kill);
bool	pool_empty(const struct pool *);

/* Of the workers that are `uid`'s, or are the pool's own; 0: of all. */
void	pool_count(const struct pool *, uid_t uid, struct pool_count *);

/* The next row of such workers from slot *i on, which moves (0: the first); -ENOENT past
 * the last.  Borrowed until the next call into the pool.  *ret_job: NULL when idle. */
int	pool_row(const struct pool *, uid_t uid, unsigned *i, struct msg_worker_row *ret,
	    const struct pool_job **ret_job);

#endif

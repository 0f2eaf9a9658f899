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
#include "common/msg.h"
#include "supervisor/config.h"

struct event_base;
struct peer_set;
struct pool;

/* One attempt, as the owner asks for it. */
struct pool_job {
	void		*owner;		/* given back; with test and attempt its name */
	uint32_t	 test, attempt;
	const struct msg_context *context; /* borrowed until the job is over */
	struct sv	 spec;		/* body of a TEST_ADD; borrowed likewise */
	uint64_t	 timeout_ms, grace_ms, output_limit;
	uint64_t	 limit_ms;	/* all of it with its hooks, 0: no limit */
	bool		 follow;
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
	uint64_t	elapsed_us;
};

struct pool_ops {
	/* About to be handed to the worker: put it on record. */
	void	(*starting)(const struct pool_job *, unsigned slot);
	void	(*over)(const struct pool_job *, const struct pool_over *);
	/* A part of the output: of the record, or live. */
	void	(*output)(const struct pool_job *, unsigned stream, struct sv, bool live);
};

struct pool_count {
	uint64_t	total, busy, idle, replaced, completed;
};

/* program, scratch: borrowed.  NULL: no memory. */
struct pool	*pool_new(struct event_base *, struct peer_set *, const struct config *,
		    const char *program, const char *scratch, const struct pool_ops *);
void		 pool_free(struct pool *);

/* Gives an attempt to the lowest idle slot, or to a new one as soon as it is up.
 * 0 or -ENOMEM. */
int	pool_start(struct pool *, const struct pool_job *);

/* Ends an attempt; `over` is called when it has ended. */
void	pool_abort(struct pool *, const void *owner, uint32_t test, uint32_t attempt,
	    bool kill, bool timeout);

/* Live output of a test's attempt (POOL_ALL: of all of this owner) from now on, with
 * what it has printed so far. */
#define POOL_ALL	UINT32_MAX
void	pool_follow(struct pool *, const void *owner, uint32_t test);

/* Starts workers until n are there, so that the first attempts find them. */
void	pool_prepare(struct pool *, unsigned n);

/* SIGCHLD came: reaps what has ended, and ends what dead workers left. */
void	pool_reap(struct pool *);

/* Ends every worker; pool_empty() says when they are gone. */
void	pool_stop(struct pool *, bool kill);
bool	pool_empty(const struct pool *);

void	pool_count(const struct pool *, struct pool_count *);

/* The i-th slot's row, or -ENOENT past the last.  Borrowed until the next call
 * into the pool.  test: of its job, STRMAP_NONE when idle. */
int	pool_row(const struct pool *, unsigned i, struct msg_worker_row *ret,
	    const struct pool_job **ret_job);

#endif

/*
 * One slot of the pool: a worker process, the stream to it and the attempt it has.
 * What the slot does next is policy/slot_fsm's to say; this performs it.  The pool
 * alone uses it.
 */
#ifndef SUPERVISOR_SLOT_H
#define SUPERVISOR_SLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/clock.h"
#include "supervisor/policy/slot_fsm.h"
#include "supervisor/pool.h"

struct cgroup;
struct peer;

/* What all slots of a pool share; all borrowed. */
struct slot_shop {
	struct event_base	*base;
	struct peer_set		*peers;
	const struct config	*config;
	const char		*program;	/* of the worker */
	const char		*shared;	/* folder that runs have theirs in */
	bool			 as_users;	/* each worker is its jobs' user */
	struct cgroup		*cgroup;	/* NULL: none */
	uint64_t		 serial;	/* of workers that were users */
	const struct pool_ops	*ops;
	uint64_t		 next_attempt;
	void			(*idle)(void *arg);	/* a slot may be given work */
	void			(*gone)(void *arg);	/* one has lost its stream */
	void			*arg;
};

struct slot {
	struct slot_shop *shop;	/* borrowed */
	unsigned	 number;	/* from 1 */
	struct slot_fsm	 fsm;
	struct peer	*peer;		/* NULL: no process, or its stream is over */
	bool		 peer_gone;	/* free it after the turn */
	pid_t		 pid;		/* 0: none */
	char		*scratch;	/* owned: the folder of this slot */
	struct identity	*who;		/* owned: whose its process is; NULL: ours */
	struct isolation_want	 want;		/* how far it is to be kept apart */
	char		*home;		/* owned: the folder of that user; NULL: none */
	char		 why[160];	/* why its last worker could not start; "": it could */
	uint64_t	 claimed;	/* see claim() in pool_slots.c */
	bool		 grouped;	/* its attempt has limits that a group holds it to */
	char		 host[65], isolation[16];
	uint64_t	 context;	/* the last one that was sent */
	struct pool_job	 job;		/* while fsm.has_attempt */
	const void	*holder;	/* whose attempts alone it takes; NULL: anybody's */
	uint64_t	 attempt_id;
	uint64_t	 started_us, started_wall_ms;
	uint64_t	 cpu_us, memory;	/* of the attempt, by the last heartbeat */
	msec_t		 deadline;	/* backstop of the attempt, SLOT_NEVER: none */
	uint64_t	 completed, replaced, busy_us;
	struct {
		uint64_t completed, replaced, busy_us;
	}		 before;	/* of these, for those whose it was before `who` */
};

/* A slot without a process.  scratch: the folder that its own is in; copied.
 * NULL: no memory. */
struct slot	*slot_new(struct slot_shop *, unsigned number, const char *scratch);
void		 slot_free(struct slot *);	/* takes NULL; ends no process */

/* Is its process one for such jobs? */
bool	slot_suits(const struct slot *, const struct pool_kind *);

/* Its next process is to be for such jobs; copied.  Only when it has none.  0 or -ENOMEM. */
int	slot_assign(struct slot *, const struct pool_kind *);

/* Starts its worker.  What fails is tried again after a delay. */
void	slot_spawn(struct slot *);

/* Hands the idle worker an attempt. */
void	slot_give(struct slot *, const struct pool_job *);

/* Something happened to it. */
void	slot_event(struct slot *, enum slot_in);

/* Its process was reaped. */
void	slot_exited(struct slot *, int status);

/* Looks at its deadlines and sends a beat.  lag: by how much we are late, ms. */
void	slot_tick(struct slot *, msec_t now, uint64_t lag);

/* How what it runs is kept apart: see READY. */
const char	*slot_isolation(const struct slot *);

/* Kills the worker and all under it. */
void	slot_kill(struct slot *);

#endif

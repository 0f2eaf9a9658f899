/*
 * What the files of pool.h share.  pool.c keeps what waits, and time; pool_slots.c says which
 * slot serves whom, and lets slots come up, make room and change hands for it.
 */
#ifndef SUPERVISOR_POOL_INT_H
#define SUPERVISOR_POOL_INT_H

#include <sys/queue.h>

#include "supervisor/slot.h"

/* A job that waits for a worker to come up. */
struct waiting {
	TAILQ_ENTRY(waiting)	entry;
	struct pool_job		job;
	msec_t			since;
};

struct pool {
	struct slot_shop	 shop;
	const struct config	*config;
	const char		*scratch;
	const struct pool_ops	*ops;
	struct event		*tick, *soon;
	struct orphans		*orphans;
	struct slot		**slots;	/* numbers 1..nslots, never moved */
	unsigned		 nslots;
	TAILQ_HEAD(, waiting)	 queue;
	unsigned		 nqueue;
	msec_t			 tick_due;	/* 0: the timer is off */
	bool			 stopping;
	struct removers		*removers;
	uint64_t		 pass;		/* see claim() in pool_slots.c */
	pid_t			 guest;		/* see pool_guest(); 0: none */
	void			(*guest_exited)(void *arg, int status);
	void			*guest_arg;
};

/* ---- pool.c ---- */

/* Look at slots and queue again from the loop, after `ms`. */
void	pool_soon(struct pool *, uint64_t ms);

/* ---- pool_slots.c ---- */

/* Sees to it that one more worker of this kind is coming up in this pass. */
void	pool_want(struct pool *, const struct pool_kind *);

/* Starts the process of a slot that has none, now or after its delay. */
void	pool_bring_up(struct pool *, struct slot *, msec_t now);

/* The slot that takes only what this owner gives; NULL: none does. */
struct slot	*pool_held_slot(struct pool *, const void *owner);

/* One that may take the job now; NULL: none may. */
struct slot	*pool_idle_slot(struct pool *, const struct pool_job *);

#endif

/*
 * What all connections of one user hold and take together, so that as many as he may open
 * cost the others no more than one does.
 */
#ifndef SUPERVISOR_GUESTS_H
#define SUPERVISOR_GUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/clock.h"

struct guest {
	LIST_ENTRY(guest) entry;
	uid_t		 uid;
	unsigned	 connections;
	bool		 unbounded;	/* the last that came has no bounds */
	uint64_t	 used_us;	/* of this turn of the loop */
	size_t		 pending;	/* bytes of answers that wait to be read */
	uint64_t	 plans;		/* bytes of plans that are being sent */
	msec_t		 complained;	/* when his nonsense was last logged */
};

LIST_HEAD(guests, guest);

/* A connection comes, and goes.  NULL: no memory. */
struct guest	*guests_enter(struct guests *, uid_t);
void		 guests_leave(struct guest *);

/* One that has connections, or NULL. */
const struct guest *guests_find(const struct guests *, uid_t);

/* A turn begins: everybody may take time again. */
void		 guests_turn(struct guests *);

/* Is a line of the log due about him?  One a second. */
bool		 guest_complain(struct guest *, msec_t now);

#endif

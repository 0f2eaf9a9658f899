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
	unsigned	 woken;		/* of his connections that rested, in this turn */
	uint64_t	 debt_us, debt_at;	/* see guest_used() */
	size_t		 pending;	/* bytes of answers that wait to be read */
	uint64_t	 plans;		/* bytes of plans that are being sent */
	msec_t		 complained;	/* when his nonsense was last logged */
};

LIST_HEAD(guests, guest);

/* A connection comes, and goes.  NULL: no memory. */
struct guest	*guests_enter(struct guests *, uid_t);
void		 guests_leave(struct guest *);

/* One that has connections, or a debt; or NULL. */
struct guest	*guests_find(const struct guests *, uid_t);

/* A turn begins: everybody may take time again; who is gone and owes nothing is forgotten. */
void		 guests_turn(struct guests *, uint64_t now);

/* When all connections are gone. */
void		 guests_free(struct guests *);

/*
 * He took so much of the loop, until `now`.  It is a debt, of which a hundredth of all time that
 * passes pays off; who owes more than GUEST_DEBT_US is to wait, where others want something.
 * So a plan of any size is taken in at once, and who never stops asking has a hundredth.
 */
#define GUEST_DEBT_US	1000000
#define GUEST_PART	100
void		 guest_used(struct guest *, uint64_t us, uint64_t now);
bool		 guest_owes(struct guest *, uint64_t now);

/* Is a line of the log due about him?  One a second. */
bool		 guest_complain(struct guest *, msec_t now);

#endif

/*
 * The users that have runs here: what each has been served, and his active runs, the
 * highest priority first.  A user is known for as long as a run of his is on show, so that
 * leaving and coming back changes nothing of what he has had.
 */
#ifndef SUPERVISOR_USERS_H
#define SUPERVISOR_USERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct run;

struct user {
	LIST_ENTRY(user)	 entry;
	uid_t			 uid;
	uint32_t		 refs;		/* runs that are his */
	uint32_t		 nactive, nover;
	uint64_t		 total, completed; /* runs, attempts, since he is known */
	TAILQ_HEAD(, run)	 active;	/* by priority, then the newest first */
	bool			 unbounded;	/* who submitted last has no bounds */
	uint32_t		 weight;	/* as of the last sharing */
	uint32_t		 share;		/* units that were his due then */
	uint64_t		 served;	/* unit-microseconds, divided by his weight */
	uint64_t		 step;		/* of that, of about his longest test of late */
};

LIST_HEAD(users, user);

/* The user of that uid, for one more run of his.  NULL: no memory. */
struct user	*users_take(struct users *, uid_t);
/* One run fewer; he goes with the last.  Takes NULL. */
void		 users_release(struct user *);

/* One that is known, or NULL. */
struct user	*users_find(struct users *, uid_t);

/* He had so many unit-microseconds. */
void		 users_served(struct user *, uint64_t us);

/* A run of his becomes active, or is so no longer.  A newcomer, user or run, starts level
 * with the least served beside it: it takes nothing for the time before it came. */
void		 users_enter(struct users *, struct run *);
void		 users_leave(struct run *);

#endif

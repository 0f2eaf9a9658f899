/*
 * The kinds of the tests of a plan, those of one kind having the same requirements,
 * and the room that the running tests leave for them.  Pure.
 */
#ifndef POLICY_KIND_H
#define POLICY_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/policy/sched.h"

struct kind {
	const struct sched_need *needs;	/* one entry a resource; in kinds.needs */
	uint32_t	nneeds;
	uint32_t	weight;		/* units, at most the run's jobs */
	bool		serial;
	bool		impossible;	/* needs more than there is */
};

struct kinds {
	struct kind	*v;		/* the first: those without requirements */
	uint32_t	n;
	uint32_t	*of;		/* of each test */
	struct sched_need *needs;
};

/* What is free, and who is there. */
/* What is free, and who is there. */
struct room {
	uint32_t	*avail;		/* of each resource */
	uint32_t	used;		/* units */
	uint32_t	running;	/* tests */
	bool		serial;		/* what runs is one serial test */
};

/* False: no memory; what is there then is freed by kinds_free() too. */
bool	kinds_make(struct kinds *, const struct sched_plan *);
void	kinds_free(struct kinds *);

/* Is there room for one?  Asked only while units below `limit` are free. */
bool	room_fits(const struct room *, const struct kind *, uint32_t limit);

/* Does the start of one, which fits, leave what the reserver needs? */
bool	room_leaves(const struct room *, const struct kind *, const struct kind *reserver,
	    uint32_t limit);

/* One starts, one is over. */
void	room_take(struct room *, const struct kind *);
void	room_release(struct room *, const struct kind *);

#endif

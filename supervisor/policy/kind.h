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
	uint32_t	cpu_milli;	/* of all its units; 0: unknown.  See width.h */
	uint64_t	memory;		/* bytes, see memory.h */
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
struct room {
	uint32_t	*avail;		/* of each resource */
	uint32_t	used;		/* units */
	uint32_t	running;	/* tests */
	bool		serial;		/* what runs is one serial test */
	uint32_t	wide;		/* of the plan */
	uint32_t	busy_units;	/* of tests that are not idle: see width.h */
	uint32_t	unknown;	/* of them, units of tests whose CPU use is not known */
	uint64_t	busy_milli, idle_milli;	/* CPUs of the others, by width_is_idle() */
	struct sched_host host;		/* its memory is without what started since */
};

/* False: no memory; what is there then is freed by kinds_free() too. */
bool	kinds_make(struct kinds *, const struct sched_plan *);
void	kinds_free(struct kinds *);

/* The units that may be held under a limit, which of a wide plan is of CPUs. */
uint32_t room_units(const struct room *, uint32_t limit);

/* Is there room for one?  Asked only while units below that are free. */
bool	room_fits(const struct room *, const struct kind *, uint32_t limit);

/* Does the start of one, which fits, leave what the reserver needs? */
bool	room_leaves(const struct room *, const struct kind *, const struct kind *reserver,
	    uint32_t limit);

/* The CPUs that are in use, in thousandths, by what is expected. */
uint64_t room_cpu_milli(const struct room *);

/* Is there memory for one? */
bool	room_has_memory(const struct room *, const struct kind *);

/* One starts, one is over. */
void	room_take(struct room *, const struct kind *);
void	room_release(struct room *, const struct kind *);

#endif

/*
 * Who stands beside the test of one attempt: burners, stressors, copies of its command
 * (common/flake.h: loaded, stressed, copies).  None of them is of the test: they are not
 * in its figures, not swept with it, not named when it leaks, and never paused.
 *
 *	worker ──┬── the test and its tree
 *		 `── the keeper ──┬── a burner
 *				  `── a copy and its tree
 *
 * One child of ours, the keeper, has started them all and is their sub-reaper, so that
 * it is all of them: who leaves out the keeper's tree leaves out the whole company.  It
 * ends them when we ask it, or when we are there no more, and then itself.  Whoever is
 * killed takes those below with it (parent-death signal), and what these leave comes to
 * the next sub-reaper above, who sweeps.
 */
#ifndef WORKER_COMPANY_H
#define WORKER_COMPANY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/sv.h"
#include "worker/exec.h"

#define COMPANY_DIR	"beside"	/* in the scratch folder, while it is there */

struct company {
	struct event	  gone;		/* of pidfd: the keeper has ended */
	struct event	  timer;	/* it does not end */
	pid_t		  pid;		/* of the keeper; 0: there is none */
	int		  pidfd, life;	/* life: the keeper's, while it is open */
	bool		  ended;
	void		(*over)(void *arg);	/* NULL: nobody waits */
	void		 *arg;
};

/* What is wanted; borrowed until company_start() returns. */
struct company_order {
	enum flake_condition	 condition;
	const char		*scratch;
	/* COPIES, besides: */
	char *const		*argv, *const *env;	/* as the test's */
	const char		*cwd;
	struct sv		 input;
	uint64_t		 slot;
};

/* Does the condition have one? */
static inline bool
company_is_of(enum flake_condition c)
{
	return c == FLAKE_LOADED || c == FLAKE_STRESSED || c == FLAKE_COPIES ||
	    c == FLAKE_CROWDED;
}

void	company_init(struct company *, struct event_base *);

/*
 * Starts it, for a condition that has one; returns when all are there, or after a second.
 * Without the means for it there is none: no reason not to run.
 */
void	company_start(struct company *, const struct company_order *);

/* The test starts now: so do the copies. */
void	company_go(struct company *);

/* It is to leave.  Returns at once. */
void	company_leave(struct company *);

/* True: nobody is there, and the keeper is reaped.  False: `over` will be called, once. */
bool	company_over(struct company *, void (*over)(void *arg), void *arg);

/* For the worker's own end: the keeper is killed and reaped.  Those below it have
 * ended, or are our children now. */
void	company_kill(struct company *);

/* How many copies there are: two a CPU, 2 to 8. */
unsigned company_copies(unsigned cpus);

#endif

/*
 * Everything that descends from this process: reaping it, naming it, ending it.
 * We are its sub-reaper, so that what loses its parent becomes our child and
 * wait4() alone says when nothing is left.  As the init of a PID namespace one signal to
 * all of it serves, which nobody can escape.
 *
 * One child of ours can stand beside the test (company.h): it is not there for any of
 * these, with all under it.
 */
#ifndef WORKER_SWEEP_H
#define WORKER_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "worker/usage.h"

#define SWEEP_LEAKED_MAX	32	/* processes that are named */

/* One who was still there; argv is owned, escaped, at most some hundred bytes. */
struct sweep_leaked {
	pid_t	 pid;
	char	*argv;
};

struct sweep {
	struct usage	 usage;			/* of all that was reaped */
	struct sweep_leaked leaked[SWEEP_LEAKED_MAX];
	size_t		 n_leaked;
	pid_t		*spared;		/* our children that may go on */
	size_t		 n_spared;
	pid_t		 beside;		/* no part of this; 0: nobody */
	int		 kill_fd;		/* cgroup.kill of the group all of it is in; -1:
						 * there is none.  Borrowed */
	int		 children_fd;		/* procfs' list of our children, or -1 */
};

void	sweep_init(struct sweep *);
void	sweep_clear(struct sweep *);		/* frees what it holds */

/*
 * Reaps what has ended.  When `leader` is among it (0: no one) *ret_ended is set,
 * with its wait status in *ret_status.  Returns whether anything is left, the
 * spared not counted.  One or two system calls when nothing is.
 */
bool	sweep_reap(struct sweep *, pid_t leader, bool *ret_ended, int *ret_status);

/* Those who live now, and their descendants, may go on; false: nobody may. */
void	sweep_spare(struct sweep *, bool on);

/* Signals every descendant that is not spared. */
void	sweep_signal(struct sweep *, int sig);

/* Stops everything that is not spared and notes who of it lives and is not in the
 * tree of `leader` (0: no one).  sweep_round() is to follow. */
void	sweep_name(struct sweep *, pid_t leader);

/* Forgets those it has noted. */
void	sweep_unname(struct sweep *);

/* One round of the end: stops them all, so that nobody forks away, then KILL. */
void	sweep_round(struct sweep *);
/* The short form, for in between: KILL for our direct children. */
void	sweep_strike(struct sweep *);

/* Ends everything now and waits for it, at most deadline_ms.  For the worker's
 * own end only: it blocks.  Returns whether anything is left. */
bool	sweep_all(struct sweep *, unsigned deadline_ms);

#endif

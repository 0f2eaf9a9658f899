/*
 * Starting a worker or the store: the only place of the supervisor that makes a
 * process.  The new process gets its socket as descriptor 3, nothing else of ours, a
 * session of its own, and default signals.
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <sys/types.h>

#include "common/isolation.h"

#define SPAWN_WHY	160	/* bytes of an error's text */

struct identity;

/* A worker that is to be started; all borrowed. */
struct spawn_worker {
	const char		*scratch;	/* the folder that it may fill */
	const char		*shared;	/* in which that and those of runs are */
	const struct identity	*as;		/* whom it becomes; NULL: as we are */
	const char		*cgroup;	/* what it is told of its groups; NULL: nothing */
	struct isolation_want	 isolation;	/* AUTO, PROCESS: it has our namespaces */
};

/*
 * Starts `program` (a path).  *ret_fd is our end of its socket.  A worker `as` somebody
 * else becomes that before it reads anything, and finds nothing of our environment.  One
 * with a PID namespace of its own is the init of it; *ret_pid is its pid in ours.  0, or
 * -errno with one line in why.
 */
int	spawn_worker(const char *program, const struct spawn_worker *, pid_t *ret_pid, int *ret_fd,
	    char why[SPAWN_WHY]);

/* Can a worker be started so?  A process tries, and ends: some hundred microseconds.  0, or
 * -errno with one line in why. */
int	spawn_probe(const struct isolation_want *, char why[SPAWN_WHY]);

/* Starts the store, with the folder of the history.  0 or -errno. */
int	spawn_store(const char *program, const char *dir, pid_t *ret_pid, int *ret_fd);

/* Starts the worker's program to remove a folder and end.  as: likewise.  0 or -errno. */
int	spawn_remover(const char *program, const char *dir, const struct identity *as,
	    pid_t *ret_pid);

#endif

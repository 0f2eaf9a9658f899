/*
 * Starting a worker or the store: the only place of the supervisor that makes a
 * process.  The new process gets its socket as descriptor 3, nothing else of ours, a
 * session of its own, and default signals.
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <sys/types.h>

struct identity;

/*
 * Starts `program` (a path): a worker with `scratch` as the folder that it may fill and
 * `shared` as the one in which runs have theirs, the store with the folder of the
 * history.  *ret_fd is our end of its socket.  A worker `as` somebody else becomes that
 * before it reads anything, and finds nothing of our environment.  0 or -errno.
 */
int	spawn_worker(const char *program, const char *scratch, const char *shared,
	    const struct identity *as, pid_t *ret_pid, int *ret_fd);
int	spawn_store(const char *program, const char *dir, pid_t *ret_pid, int *ret_fd);

/* Starts the worker's program to remove a folder and end.  as: likewise.  0 or -errno. */
int	spawn_remover(const char *program, const char *dir, const struct identity *as,
	    pid_t *ret_pid);

#endif

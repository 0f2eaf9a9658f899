/*
 * Starting a worker: the only place of the supervisor that makes a process.  The
 * new process gets its socket as descriptor 3, nothing else of ours, a session of
 * its own, and default signals.
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <sys/types.h>

/*
 * Starts `program` (a path) with `scratch` as the folder that it may fill.
 * *ret_fd is our end of its socket.  0 or -errno.
 */
int	spawn_worker(const char *program, const char *scratch, pid_t *ret_pid, int *ret_fd);

#endif

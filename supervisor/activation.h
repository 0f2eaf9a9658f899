/*
 * A control socket that a service manager listens on for us (socket activation, see
 * sd_listen_fds(3)): it is there before we are, and outlives us.
 */
#ifndef SUPERVISOR_ACTIVATION_H
#define SUPERVISOR_ACTIVATION_H

#include <sys/types.h>

#define ACTIVATION_WHY	512	/* bytes of an error's text */

/*
 * Takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES from the environment and removes them
 * there.  What was passed to us must be one listening stream socket at `path`, as one
 * that we make would be: nobody else may replace it there, and it lets in nobody but whom
 * `mode` does.
 * *ret_fd: it, close-on-exec and non-blocking; -1 when nothing was passed.  0, or -EINVAL
 * with one line in why.
 */
int	activation_take(const char *path, mode_t mode, int *ret_fd, char why[ACTIVATION_WHY]);

#endif

/*
 * Where the control socket is, that nobody else has it, and where workers may
 * write.
 */
#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

#include <stddef.h>

/*
 * Takes the lock beside `path` for the life of the process, removes a socket that a
 * dead supervisor left, and listens.  The descriptor; -EADDRINUSE when another
 * supervisor has it; else -errno.
 */
int	listen_on(const char *path);

/*
 * Makes the scratch folder of this process under `base` (made too when it is not
 * there: 0700, ours, no link) and removes those of supervisors that are gone.
 * *ret is malloc'ed.  0, -EPERM when base is not safe, else -errno.
 */
int	listen_scratch(const char *base, char **ret);

#endif

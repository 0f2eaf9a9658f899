/*
 * Where the control socket is, that nobody else has it, and where workers may
 * write.
 */
#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

#include <stddef.h>

/*
 * Takes the lock beside `path` for the life of the process, removes a socket that a
 * dead supervisor left, and listens.  One that is leaving is waited for.  The
 * descriptor; -EADDRINUSE when another supervisor has it; else -errno.
 */
int	listen_on(const char *path);

/*
 * The same for a service: everybody may connect.  Its folder, made (0755) where it is
 * missing, must be no link and nobody's to change but ours and root's: else -EPERM.
 */
int	listen_for_all(const char *path);

/*
 * Only the lock, for a socket that was passed to us.  0; -EADDRINUSE when another
 * supervisor has it; else -errno.
 */
int	listen_lock(const char *path);

/*
 * Makes the scratch folder of this process under `base` (made too when it is not
 * there: 0700, ours, no link) and removes those of supervisors that are gone, but for
 * what their runs shared (POOL_SHARED...): that is in ours then.
 * *ret is malloc'ed.  0, -EPERM when base is not safe, else -errno.
 */
int	listen_scratch(const char *base, char **ret);

/*
 * The scratch folder of a service, made where it is missing: ours, no link, for others
 * to pass through (0711) and not to list.  0, -EPERM, -EBUSY when another service has it
 * (it is locked for the life of the process), else -errno.
 */
int	listen_scratch_for_all(const char *path);

#endif

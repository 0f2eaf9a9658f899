/*
 * All that this program does with privileges, in one file; what is done with those over
 * the host as a whole, when there are any, is in supervisor/namespaces.h.
 *
 * A supervisor for several users holds CAP_SETUID and CAP_SETGID, to start workers as
 * their users; CAP_KILL, to end them; CAP_CHOWN, to give each user a folder.  It uses the
 * first two never itself: it lends them to a worker's program, which becomes its user
 * for good before it reads anything.  That this is done by the worker and not by a child
 * of ours between fork and exec has a reason: such a child is, for a moment, a process of
 * the user, who may stop it, and a vfork waits for its child.
 *
 * It may also hold CAP_SYS_ADMIN and CAP_NET_ADMIN, for namespaces, which it never lends,
 * and CAP_SETPCAP, which it lends: with it a worker leaves its bounding set as well.
 */
#ifndef COMMON_PRIVILEGE_H
#define COMMON_PRIVILEGE_H

#include "common/identity.h"

#define PRIVILEGE_WHY	160	/* bytes of an error's text */
#define PRIVILEGE_EXIT	70	/* of a worker that could not become its user */

/*
 * Makes this process one that may start workers of other users, and whose memory and
 * descriptors nobody but root may look at.  0, or -EPERM with what is missing in why.
 */
int	privilege_take(char why[PRIVILEGE_WHY]);

/* Does it hold CAP_SYS_ADMIN, so that it can make namespaces without a user namespace? */
bool	privilege_over_host(void);

/* What is started between the two calls may change its user and groups.  The first: 0
 * or -errno; the second dies when it cannot. */
int	privilege_lend(void);
void	privilege_keep(void);

/*
 * Becomes `who` for good: user, groups, no capability in any set, the bounding set too
 * where CAP_SETPCAP was lent, and no program that it starts gains one.  Never root.  0, or -errno with one line in why: the process is
 * then in no state to go on.
 */
int	privilege_become(const struct identity *who, char why[PRIVILEGE_WHY]);

/*
 * A folder that only `who` can use, at `path`, in one that only we can change: made
 * where it is missing.  0; -EPERM when what is there is something else; or -errno.
 */
int	privilege_folder(const char *path, const struct identity *who);

#endif

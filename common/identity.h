/*
 * Who somebody is to the kernel: user, group, supplementary groups.  Read from a
 * socket, handed to a worker as text, never taken from a message of a client.
 */
#ifndef COMMON_IDENTITY_H
#define COMMON_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define IDENTITY_GROUPS	1024	/* of one user; who has more is refused */

struct identity {
	uid_t	 uid;
	gid_t	 gid;
	size_t	 ngroups;
	gid_t	 groups[];	/* in rising order, each once */
};

/* One with these groups, sorted.  Owned by the caller, to be freed with free().  NULL:
 * no memory, or too many groups. */
struct identity	*identity_new(uid_t, gid_t, const gid_t *groups, size_t ngroups);
struct identity	*identity_dup(const struct identity *);

/*
 * The other end of a connected Unix socket as it was when it connected: SO_PEERCRED
 * and SO_PEERGROUPS.  0, -E2BIG for more than IDENTITY_GROUPS, or -errno.  *ret_pid
 * may be NULL.
 */
int	identity_of_socket(int fd, struct identity **ret, pid_t *ret_pid);

/* The same rights?  NULL is equal to NULL alone. */
bool	identity_equal(const struct identity *, const struct identity *);

/* Is `gid` its group or one of its supplementary groups? */
bool	identity_in_group(const struct identity *, gid_t gid);

/* As "UID:GID:GROUP,GROUP", to be freed; NULL: no memory. */
char	*identity_format(const struct identity *);

/* Of that text.  NULL when it is not of that form. */
struct identity	*identity_parse(const char *);

#endif

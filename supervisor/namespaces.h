/*
 * What a worker's process does to be apart from the host, between its clone and its
 * program: it is made with namespaces of its own, and furnishes them.  That this is done
 * before the program starts, and not by it, has two reasons: the program needs no
 * capability for it, and whoever starts it is told at once what could not be had.
 *
 *	pid	the process is the init of a PID namespace, with its own /proc
 *	sandbox	also its own IPC and UTS namespaces, an empty /tmp and /dev/shm, a network
 *		of its own when that is asked for, and the rest read-only likewise
 *
 * Without CAP_SYS_ADMIN a user namespace serves, in which the process is the same user and
 * no other exists.
 */
#ifndef SUPERVISOR_NAMESPACES_H
#define SUPERVISOR_NAMESPACES_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/isolation.h"

struct namespaces {
	struct isolation_want	 want;	/* PID or more */
	bool			 user;	/* through a user namespace */
	const char		*keep;	/* a folder that stays as it is; NULL: none; borrowed */
	uid_t			 uid;	/* ours, for the user namespace */
	gid_t			 gid;
	/* The child's answer, as it shares our memory: */
	const char		*step;	/* what it could not do */
	int			 error;	/* why; 0: all is done */
};

/* Makes *n ready for these wishes; false: they need no namespace. */
bool	namespaces_init(struct namespaces *, const struct isolation_want *, const char *keep);

/* Flags for clone(). */
int	namespaces_flags(const struct namespaces *);

/*
 * Called by the child alone, of a clone() with those flags: does the rest.  Only system
 * calls, as it shares its parent's memory.  0, or -errno, said in *n as well.
 */
int	namespaces_enter(struct namespaces *);

#endif

/* Which supervisor a client talks to, and starting a private one. */
#ifndef CTL_LOCATE_H
#define CTL_LOCATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LOCATE_WHY	512

struct locate {
	char	*path;		/* of the socket; owned */
	bool	 is_private;	/* may be started by us */
	bool	 is_found;	/* the service's, which nobody named */
};

/*
 * The first that matches: `option` (--socket), $PARATEST_SOCKET, the service's
 * socket if it lets us in, the private one of this user, whose folder is made
 * (0700).  The word "private" in place of a path: that one.  0, or -errno with one
 * line in why.
 */
int	locate_socket(const char *option, struct locate *ret, char why[LOCATE_WHY]);
void	locate_free(struct locate *);

/* The private one, in place of what `ret` (freed) is: for who finds a service that does
 * not let him in.  0, or -errno with one line in why. */
int	locate_own(struct locate *ret, char why[LOCATE_WHY]);

/* Connects.  The descriptor (close-on-exec, blocking) or -errno. */
int	locate_connect(const char *path);

/*
 * Starts paratestd for the private socket and waits until it is ready, or until
 * another client's is.  0, or -errno with one line in why.
 */
int	locate_start(const struct locate *, char why[LOCATE_WHY]);

/*
 * The beginning of locate_start(), for who must not wait: *ret_ready becomes readable
 * when it is ready or has ended; then locate_connect() tells, though perhaps only
 * after some more tries.  0, or -errno with one line in why.
 */
int	locate_spawn(const struct locate *, int *ret_ready, pid_t *ret_pid,
	    char why[LOCATE_WHY]);

/* One line in why: nobody answers at the socket of one that was started. */
void	locate_silent(const struct locate *, char why[LOCATE_WHY]);

#endif

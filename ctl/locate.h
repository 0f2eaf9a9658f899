/* Which supervisor a client talks to, and starting a private one. */
#ifndef CTL_LOCATE_H
#define CTL_LOCATE_H

#include <stdbool.h>
#include <stddef.h>

#define LOCATE_WHY	512

struct locate {
	char	*path;		/* of the socket; owned */
	bool	 is_private;	/* may be started by us */
};

/*
 * The first that matches: `option` (--socket), $PARATEST_SOCKET, the service's
 * socket if it lets us in, the private one of this user, whose folder is made
 * (0700).  0, or -errno with one line in why.
 */
int	locate_socket(const char *option, struct locate *ret, char why[LOCATE_WHY]);
void	locate_free(struct locate *);

/* Connects.  The descriptor (close-on-exec, blocking) or -errno. */
int	locate_connect(const char *path);

/*
 * Starts paratestd for the private socket and waits until it is ready, or until
 * another client's is.  0, or -errno with one line in why.
 */
int	locate_start(const struct locate *, char why[LOCATE_WHY]);

#endif

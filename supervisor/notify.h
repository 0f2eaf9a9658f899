/*
 * What a service manager is told: the datagrams of sd_notify(3), of which the format and
 * the variables of the environment are promised to stay ("Notes" there), so that no library
 * is linked into the process that may hold privileges, for what is one sendmsg(2).
 */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#define NOTIFY_TEXT	512	/* bytes that may wait */

struct notify {
	int		fd;		/* -1: nobody wants to know */
	uint64_t	watchdog_us;	/* it wants a sign of life within this; 0: none */
	char		owed[NOTIFY_TEXT]; /* could not be sent yet; "": nothing */
};

/*
 * Takes NOTIFY_SOCKET (a path, or an abstract name after '@'), WATCHDOG_USEC and
 * WATCHDOG_PID from the environment and removes them there: what we start is no service.
 * 0, also when there is no such socket; -errno when it cannot be used, and then nobody is
 * told.
 */
int	notify_open(struct notify *);
void	notify_close(struct notify *);

/*
 * Sends lines of VARIABLE=VALUE, "\n" between them; never blocks.  What finds no room is
 * kept for notify_retry(), in order.  0; -EAGAIN when it is kept; else -errno.
 */
int	notify_send(struct notify *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Now and then: sends what is owed. */
void	notify_retry(struct notify *);

/*
 * The same for what another one will replace soon (STATUS=, WATCHDOG=1): not kept.  0;
 * -EAGAIN when there is no room, or something is owed that goes before it; else -errno.
 */
int	notify_try(struct notify *, const char *text);

#endif

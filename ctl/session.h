/*
 * Following one run from a client: its events go to the reporters, signals become
 * cancels, lost pieces are asked for again.  A supervisor that is lost is waited for,
 * or started anew where it is a private one, and the run is followed from where it
 * was: the reporters see one sequence without a gap.
 */
#ifndef CTL_SESSION_H
#define CTL_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/client.h"
#include "ctl/report.h"
#include "ctl/results.h"

#define SESSION_REPORTERS	8
#define SESSION_REATTACH_MS	30000	/* without a supervisor it is given up then */

struct session {
	struct client	*client;	/* borrowed */
	struct results	 results;
	struct reporter	 reporters[SESSION_REPORTERS];
	size_t		 nreporters;
	bool		 owner;		/* Ctrl-C cancels; otherwise it leaves */
	bool		 live, no_follow;
	uint64_t	 since;		/* the first event that is wanted; 0: from the start */
	int		 signal;	/* that ended it, 0: none */
	bool		 lost;		/* the supervisor was, at least once */
	uint64_t	 patience_ms;	/* without one; 0: SESSION_REATTACH_MS */
};

/* Signals INT, TERM and HUP are taken from now on.  The descriptor, or -errno. */
int	session_signals(void);

/*
 * Follows the run (NULL: the last one that this connection committed, or the newest)
 * until it is over, or no_follow has shown all there is.  `signal_fd`: of
 * session_signals().  0 or an error as client_next(), -EREMOTEIO for an ERROR.  What
 * goes wrong after `lost` is the infrastructure's fault.
 */
int	session_follow(struct session *, const char *run, int signal_fd, struct client_error *);

/* Ends the reporters and frees the results.  0, or -errno of a file that could not
 * be written. */
int	session_end(struct session *);

#endif

/*
 * The folder in which a supervisor keeps what outlives it: see docs/history.md for
 * what is in it.  Private to its user, and to one supervisor at a time.
 */
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include <stddef.h>

#define STATE_WHY	512	/* bytes of an error's text */

struct state {
	char	*path;		/* owned; NULL: there is none */
	int	 fd;		/* of the folder, -1: none */
	int	 journals;	/* of its folder of journals, -1: none */
	int	 lock;		/* held as long as this is open */
};

/* The default: $XDG_STATE_HOME/paratest, or ~/.local/state/paratest.  Owned by the
 * caller; NULL when neither is known. */
char	*state_default(void);

/*
 * Opens the folder and makes it where it is missing.  0; -EPERM when it is not a
 * folder of ours that only we can use, -EBUSY when another supervisor has it, or
 * -errno: with one line in why, and `ret` set to none.
 */
int	 state_open(const char *path, struct state *ret, char why[STATE_WHY]);

/* No folder at all.  Takes a zeroed one too. */
void	 state_none(struct state *);
void	 state_close(struct state *);

#endif

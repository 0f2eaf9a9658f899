/*
 * Connections that are one too many and of which no more is to be said: they are held for a
 * moment, unread, and then closed.  Who is refused at once comes back at once, and each time
 * costs everybody more than the descriptor does.  Nor is it cheap to close what somebody has
 * filled with questions: the longer it is held, the fewer come.  Who has left already, while he
 * was waiting to be let in, takes no place.
 */
#ifndef SUPERVISOR_TARPIT_H
#define SUPERVISOR_TARPIT_H

#include "common/clock.h"

#define TARPIT_MS	4000
#define TARPIT_MOST	512	/* one more, and the oldest is closed */

struct tarpit {
	struct {
		int	fd;
		msec_t	until;
	}		v[TARPIT_MOST];		/* a ring: `n` from `first` on, the oldest first */
	unsigned	first, n;
};

/* Takes the descriptor over. */
void	tarpit_hold(struct tarpit *, int fd, msec_t now);

/* Closes those whose time is over; all of them. */
void	tarpit_tidy(struct tarpit *, msec_t now);
void	tarpit_clear(struct tarpit *);

#endif

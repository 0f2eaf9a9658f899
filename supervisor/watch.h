/*
 * Watchers: clients that follow the events of a run.  Each has a cursor into the
 * run's log and takes from it as its socket takes from us, so that nobody is waited
 * for.  One that takes nothing for half of lag-timeout while it is `lag` bytes
 * behind is told LAGGED and put at the end; after all of lag-timeout it is dropped.
 */
#ifndef SUPERVISOR_WATCH_H
#define SUPERVISOR_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/peer.h"
#include "supervisor/run.h"

#define WATCH_NEVER	UINT64_MAX

struct watcher;

struct watches {
	TAILQ_HEAD(, watcher)	 list;
	const struct config	*config;	/* borrowed */
};

void	watch_init(struct watches *, const struct config *);

/* `id`: of the RUN_WATCH, for its END_OF.  0, -ENOMEM, -EIO. */
int	watch_add(struct watches *, struct peer *, struct run *, uint32_t id,
	    const struct msg_run_watch *);
/* How many this peer has. */
unsigned watch_count(const struct watches *, const struct peer *);
void	watch_drop_peer(struct watches *, const struct peer *);
void	watch_forget_run(struct watches *, const struct run *);

/*
 * Sends what is due.  `urgent`: hold nothing back.  Returns how many ms from now
 * it wants to be called again, WATCH_NEVER when only for new events.
 */
uint64_t watch_pump(struct watches *, msec_t now, bool urgent);

void	watch_live(struct watches *, struct run *, uint32_t test, uint32_t attempt,
	    unsigned stream, struct sv data);

#endif

/*
 * The supervisor's side of the history: the store process, started again whenever
 * it ends, and the journals that it is to read.  Nothing here waits for it, and a
 * run goes on without it.
 *
 *	DOWN ── not before ──► STARTING ── STORE_READY ──► UP
 *	  ▲                        │                        │
 *	  └──── its end, or its stream's ───────────────────┘
 */
#ifndef SUPERVISOR_HISTORY_H
#define SUPERVISOR_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/peer.h"
#include "supervisor/config.h"
#include "supervisor/state.h"

struct history;
struct pool;
struct tracked;

struct history_ops {
	/* ANSWER, ANSWER_END or ESTIMATES. */
	void	(*answer)(void *arg, enum msg_type, uint32_t id, const union msg_body *);
	/* What was asked so far will not be answered any more. */
	void	(*down)(void *arg);
	/* Something is wrong with the history; "": it is well again. */
	void	(*fault)(void *arg, const char *text);
};

/*
 * Starts the store.  All pointers are borrowed.  state without a folder: there is no
 * history; everything here does nothing then.  NULL: no memory.
 */
struct history	*history_new(struct event_base *, struct peer_set *, const struct config *,
		    struct pool *, const struct state *, const char *program,
		    const struct history_ops *, void *arg);
/* A store that is still there is killed. */
void		 history_free(struct history *);

/* Has it all that it was told of, or can it not have it? */
bool		 history_settled(const struct history *);

/* Ends the store after it has written what it was told of; history_gone() says when. */
void		 history_stop(struct history *);
bool		 history_gone(const struct history *);

/* Is there a folder for one? */
bool		 history_kept(const struct history *);

/* What is wrong; NULL: nothing. */
const char	*history_fault(const struct history *);
/* Is the store up, and takes what it is sent; is it that, or about to be? */
bool		 history_up(const struct history *);
bool		 history_hopeful(const struct history *);

/*
 * The journal `run` (RUN_ID digits) is to be read.  The handle is history's; it ends
 * when history_grew() said `over` and all of it was stored: the file is removed then.
 * NULL: no history, or no memory (a later supervisor finds the file).
 */
struct tracked	*history_track(struct history *, const char *run);
void		 history_grew(struct history *, struct tracked *, uint64_t size, bool over);
/* It will not be a run after all: forget it and remove the file.  Takes NULL. */
void		 history_drop(struct history *, struct tracked *);

/* The settings of retention have changed: tells the store. */
void		 history_configure(struct history *);

/* Sends to the store; the second a message that is encoded.  0; -EPIPE when it is not
 * up, or takes nothing; or as peer_send(). */
int		 history_send(struct history *, enum msg_type, uint32_t id, const void *msg);
int		 history_send_encoded(struct history *, enum msg_type, uint32_t id, struct sv body);

/* Nothing runs: the store may clean up. */
void		 history_idle(struct history *);

#endif

/*
 * Questions to the history: a client's, passed on to the store and its answer back,
 * a page at a time, the next when the client has taken the last; and what is expected
 * of the tests of a plan.  Each has a deadline, so that a store that hangs holds
 * nobody up; one that was asked while the store starts waits for it.
 */
#ifndef SUPERVISOR_ASK_H
#define SUPERVISOR_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "common/clock.h"
#include "supervisor/history.h"

#define ASK_PER_PEER	4		/* questions of one connection at a time */
#define ASK_WAIT_MS	30000		/* for a page */
#define ASK_START_MS	5000		/* for the store to be there */
#define ASK_FULL	((size_t)256 << 10)	/* bytes queued for a client: enough for now */

struct asks {
	TAILQ_HEAD(, ask)	 list;
	struct history		*history;	/* borrowed */
	uint32_t		 last_id;
};

/* What was expected of a plan's tests, ESTIMATE_STRIDE numbers each, and what they cost,
 * COST_STRIDE each; empty when the history cannot say. */
typedef void	ask_estimates_fn(void *arg, struct nums, struct nums costs);

void	ask_init(struct asks *, struct history *);
void	ask_free(struct asks *);

/*
 * Passes a question of `type` on for a client; `id` is of its message.  0; -EPIPE
 * when there is no history now, -EBUSY when this peer has asked enough, -ENOMEM.
 */
int	ask_relay(struct asks *, struct peer *, uint32_t id, uid_t, enum msg_type, const void *msg);

/* Asks for estimates; `fn` is called once, never from here, by `wait_ms` at the
 * latest.  *ret_id: for ask_forget().  0, -EPIPE, -EMSGSIZE, -ENOMEM: fn is not
 * called. */
int	ask_estimates(struct asks *, const struct msg_estimate *, uint64_t wait_ms,
	    ask_estimates_fn *fn, void *arg, uint32_t *ret_id);
void	ask_forget(struct asks *, uint32_t id);
void	ask_drop_peer(struct asks *, const struct peer *);

/* What the history reports. */
void	ask_answer(struct asks *, enum msg_type, uint32_t id, const union msg_body *);
void	ask_down(struct asks *);

/* Once a turn: asks on, gives up.  In how many ms it wants to be called again;
 * ASK_NEVER. */
#define ASK_NEVER	UINT64_MAX
uint64_t ask_pump(struct asks *, msec_t now);

#endif

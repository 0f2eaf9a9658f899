/*
 * A connection to the supervisor in an event loop: found or started, greeted, asked
 * one thing at a time.  Each call of a tool has one of its own, so that they wait for
 * nobody and what one of them submitted ends with it.
 */
#ifndef MCPSRV_LINK_H
#define MCPSRV_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/client.h"

struct event_base;
struct link;

/* The end of a question: 0; -EREMOTEIO for an ERROR, -ETIMEDOUT, -EPIPE when the
 * supervisor is gone, or another -errno when there is none; with the error. */
typedef void	link_done_fn(void *arg, int r, const struct client_error *);

/* Begins to connect; what goes wrong is told to the first question.  `socket`: a path
 * or NULL, as client_open(); a private supervisor is started when there is none. */
struct link	*link_new(struct event_base *, const char *socket);

/* Ends it at once, without a call to anybody; NULL is allowed.  Not from within `fn`
 * of link_ask(). */
void		 link_free(struct link *);

/*
 * Sends a question and hands its answers to `fn` (NULL: none is looked at) until it
 * returns 1, or OK, RUN_OK or END_OF came.  Then, from the event loop, calls `done`,
 * which may ask again or free the link.  Asked while another question is open, it
 * takes that one's place.  timeout_ms: 0: it may take for ever.
 */
void	link_ask(struct link *, enum msg_type, const void *body, uint64_t timeout_ms, msg_fn *fn,
	    link_done_fn *done, void *arg);

/* Is it connected, and nothing asked: could another call have it? */
bool	link_is_free(const struct link *);

/* For what is sent without a question: a plan before its RUN_COMMIT. */
struct client	*link_client(struct link *);

#endif

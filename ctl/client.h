/*
 * The client library: a connection to the supervisor, requests and their answers.
 * Blocking with deadlines; prints nothing.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/msg.h"

#define CLIENT_WHY	1024
#define CLIENT_WAIT_MS	30000	/* for an answer that needs no work */

struct client;

/* What went wrong, in words. */
struct client_error {
	enum msg_error_code	code;	/* of an ERROR; 0: something else */
	char			text[CLIENT_WHY];
	char			hint[CLIENT_WHY];	/* "": none */
};

/*
 * Connects and greets.  `socket_option`: --socket or NULL.  `start`: start a
 * private supervisor when there is none.  NULL with the error set.
 */
struct client	*client_open(const char *socket_option, bool start, struct client_error *);
void		 client_close(struct client *);

/* Queues a message; *ret_id (may be NULL) is the id of its answers.  It is sent by
 * client_next(), or at once when a lot is queued.  0, -EMSGSIZE, -EPIPE. */
int	client_send(struct client *, enum msg_type, const void *body, uint32_t *ret_id);

/*
 * Sends what is queued and hands every frame that came to `fn`, until fn returns
 * non-zero (which is returned), or `deadline` has passed (0 is returned), or
 * `wake_fd` (-1: none) is readable (0).  -EPIPE when the supervisor is gone,
 * -EBADMSG for bytes that are no frames; the error is set for both.
 */
int	client_next(struct client *, msec_t deadline, int wake_fd, msg_fn *fn, void *arg,
	    struct client_error *);

/*
 * Sends a request and hands its answers to `fn` (NULL: any answer will do) until
 * it returns 1, or OK, RUN_OK or END_OF came.  0; -EREMOTEIO for an ERROR,
 * -ETIMEDOUT, or as client_next(); with the error set.
 */
int	client_request(struct client *, enum msg_type, const void *body, msg_fn *fn, void *arg,
	    struct client_error *);

/* Takes an ERROR message as what went wrong. */
void	client_set_error(struct client_error *, const struct msg_error *);

#endif

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

/*
 * Connects and greets again, once, after the connection was lost: to the same
 * socket, and with `start` to a new private supervisor where that is one's.  What
 * was queued and not read is dropped.  0; -errno of the socket, or as
 * client_request(), with the error set: then it may be tried again.
 */
int		 client_reopen(struct client *, bool start, struct client_error *);

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

/*
 * For a loop that waits for many descriptors; nothing here waits.
 *
 *	new	not connected, with a greeting from `program` to be sent first
 *	attach	takes over a descriptor that is connected; 0 or -errno (it is closed)
 *	fd	to wait for; -1: none yet
 *	unread	has something come that no step has handed on yet
 *	pending	is there something to be sent: wait until it can be written, too
 *	write	sends what goes at once; a supervisor that is gone shows in the next step
 *	step	sends and reads what goes at once, and hands every frame to `fn` as
 *		client_next() does; 0, non-zero of fn, -EPIPE, -EBADMSG
 */
struct client	*client_new(const char *program);	/* NULL: no memory */
int		 client_attach(struct client *, int fd);
int		 client_fd(const struct client *);
bool		 client_unread(const struct client *);
bool		 client_pending(const struct client *);
void		 client_write(struct client *);
int		 client_step(struct client *, msg_fn *fn, void *arg, struct client_error *);

/* client_send() of a body that is encoded already. */
int		 client_send_encoded(struct client *, enum msg_type, struct sv body,
		    uint32_t *ret_id);

/* Takes an ERROR message as what went wrong. */
void	client_set_error(struct client_error *, const struct msg_error *);

#endif

/*
 * One framed stream: a socket, the frames that came and the frames to send.
 * Used for clients and workers alike by the supervisor, and by the worker.
 *
 * On libevent's event and evbuffer and not on its bufferevent: a bufferevent
 * asks FIONREAD before each read and registers for writing before it tries to
 * write, two to four system calls a message; here a message costs one read or
 * one write.  What is sent is written by peer_set_flush(), once for all that one
 * turn of the loop produced, and by nothing before it; what the socket does not take
 * waits for EV_WRITE, and for the flush of that turn.
 */
#ifndef COMMON_PEER_H
#define COMMON_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "common/msg.h"

struct event_base;
struct peer;

/* The peers of one loop that have something to write. */
struct peer_set {
	TAILQ_HEAD(peer_list, peer) dirty;
};

struct peer_ops {
	/* A frame; non-zero: this peer misbehaved, close it (-EBADMSG). */
	msg_fn	*frame;
	/* Optional: what came is no message, or misbehaved (why: a constant text).  Nothing
	 * more is read; what is sent now are the last words, and then gone() is called. */
	void	(*bad)(void *arg, const char *why);
	/* The stream is over (why: a constant text; r: 0 end of file, -EBADMSG
	 * bad bytes, else -errno).  Called once, never from inside a call that
	 * the owner makes into the peer. */
	void	(*gone)(void *arg, int r, const char *why);
	/* Optional: the socket took something and `pending` bytes wait. */
	void	(*drained)(void *arg, size_t pending);
	/* Optional: something came and made no frame whole. */
	void	(*partial)(void *arg);
	/* Optional: something is there.  False: the owner has paused the peer, and it is left. */
	bool	(*ready)(void *arg);
};

void	peer_set_init(struct peer_set *);
/* Writes what is due on each peer of the set. */
void	peer_set_flush(struct peer_set *);

/*
 * A peer over `fd` (non-blocking, owned from now on), whose incoming frames go
 * in direction `in`.  fd -1: in memory, for tests: feed it with peer_feed() and
 * read peer_buffer().  NULL: no memory (fd is still the caller's).
 */
struct peer	*peer_new(struct event_base *, struct peer_set *, int fd,
		    enum msg_dir in, const struct peer_ops *, void *arg);
/* Takes NULL.  Closes the descriptor; nothing more is called. */
void		 peer_free(struct peer *);

/* Queues a message.  Errors as msg_put(); -EPIPE when the peer is closing. */
int	peer_send(struct peer *, enum msg_type, uint32_t id, const void *body);

/* Writes now what can be written. */
void	peer_flush(struct peer *);

/* Reads no more; `gone` is called when what is queued was written, or after
 * five seconds. */
void	peer_finish(struct peer *);

/* Stops and resumes reading: back pressure.  No frame comes while it is paused, not
 * even one that was read already.  Nothing for a peer in memory. */
void	peer_pause(struct peer *, bool);

size_t	peer_pending(const struct peer *);	/* bytes that wait to be written */

/* What is to be written, to append whole frames to; it will be flushed. */
struct evbuffer	*peer_buffer(struct peer *);

/* Tests only: bytes as if they had been read. */
void		 peer_feed(struct peer *, const void *, size_t);

#endif

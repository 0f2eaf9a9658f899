/* One framed stream; see peer.h. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "common/fdutil.h"
#include "common/peer.h"

#define PEER_READ	65536	/* bytes asked for in one read */
#define PEER_FINISH_S	5	/* to write the last words */

struct peer {
	TAILQ_ENTRY(peer)	 entry;		/* in set->dirty when is_dirty */
	struct peer_set		*set;
	struct event_base	*base;
	struct event		*rd, *wr, *last; /* last: ends it from the loop */
	struct evbuffer		*in, *out;
	struct msg_reader	*reader;
	const struct peer_ops	*ops;
	void			*arg;
	enum msg_dir		 dir;
	int			 fd;
	bool			 is_dirty, paused, finishing, over;
	bool			 held;		/* frames may be left in `in` by a pause */
	bool			 whole;		/* what was read made a frame whole */
	int			 r;		/* why it is over */
	const char		*why;
};

void
peer_set_init(struct peer_set *set)
{
	TAILQ_INIT(&set->dirty);
}

void
peer_set_flush(struct peer_set *set)
{
	struct peer	*p;

	while ((p = TAILQ_FIRST(&set->dirty)) != NULL)
		peer_flush(p);	/* takes it off the list */
}

static void
dirty(struct peer *p)
{
	if (!p->is_dirty)
		TAILQ_INSERT_TAIL(&p->set->dirty, p, entry);
	p->is_dirty = true;
}

static void
undirty(struct peer *p)
{
	if (p->is_dirty)
		TAILQ_REMOVE(&p->set->dirty, p, entry);
	p->is_dirty = false;
}

/* The stream is over: say so from the loop, never from inside the owner's call. */
static void
end(struct peer *p, int r, const char *why)
{
	if (p->over)
		return;
	p->over = true;
	if (p->r == 0) {	/* else what it was closed for is what counts */
		p->r = r;
		p->why = why;
	}
	if (p->rd != NULL)
		(void)event_del(p->rd);
	if (p->wr != NULL)
		(void)event_del(p->wr);
	event_active(p->last, EV_TIMEOUT, 0);
}

static void
on_last(evutil_socket_t fd, short what, void *arg)
{
	struct peer	*p = arg;

	(void)fd;
	(void)what;
	if (!p->over) {		/* the five seconds of peer_finish() */
		p->over = true;
		p->why = p->r == 0 ? "the last messages were not read" : p->why;
	}
	undirty(p);
	p->ops->gone(p->arg, p->r, p->why);
}

/* One frame; 1 when the owner wants no more of them for now. */
static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct peer	*p = arg;
	int		 r = p->ops->frame(p->arg, type, id, m);

	p->whole = true;
	p->held |= p->paused;
	return r == 0 && (p->paused || p->finishing) ? 1 : r;
}

static void
take_frames(struct peer *p)
{
	const char	*why = "a message out of place";
	int		 r;

	r = msg_drain(p->in, p->dir, p->reader, on_frame, p, &why);
	if (r == -EBADMSG && p->ops->bad != NULL && !p->finishing) {
		p->r = r;
		p->why = why;
		p->ops->bad(p->arg, why);
		peer_finish(p);
	} else if (r < 0) {
		end(p, r, r == -ENOMEM ? "no memory" : why);
	}
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct peer		*p = arg;
	struct evbuffer_iovec	 v[2];
	ssize_t			 n;
	int			 nv;

	(void)what;
	if (p->ops->ready != NULL && !p->over && !p->ops->ready(p->arg))
		return;
	if (p->held) {
		p->held = false;
		take_frames(p);
	}
	if (p->paused || p->finishing || p->over)
		return;
	nv = evbuffer_reserve_space(p->in, PEER_READ, v, 2);
	if (nv <= 0) {
		end(p, -ENOMEM, "no memory");
		return;
	}
	n = readv(fd, (struct iovec *)(void *)v, nv);
	if (n <= 0) {
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		end(p, n == 0 ? 0 : -errno, "the other end closed the connection");
		return;
	}
	for (int i = 0; i < nv; i++) {
		size_t	part = (size_t)n < v[i].iov_len ? (size_t)n : v[i].iov_len;

		v[i].iov_len = part;
		n -= (ssize_t)part;
	}
	if (evbuffer_commit_space(p->in, v, nv) != 0) {
		end(p, -ENOMEM, "no memory");
		return;
	}
	p->whole = false;
	take_frames(p);
	if (!p->whole && !p->over && !p->finishing && p->ops->partial != NULL)
		p->ops->partial(p->arg);
}

/* Not written here: what this turn queued behind it is to be put on record first. */
static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct peer	*p = arg;

	(void)fd;
	(void)what;
	(void)event_del(p->wr);
	dirty(p);
}

struct peer *
peer_new(struct event_base *base, struct peer_set *set, int fd, enum msg_dir in,
    const struct peer_ops *ops, void *arg)
{
	struct peer	*p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->set = set;
	p->base = base;
	p->ops = ops;
	p->arg = arg;
	p->dir = in;
	p->fd = -1;
	p->in = evbuffer_new();
	p->out = evbuffer_new();
	p->reader = msg_reader_new();
	p->last = event_new(base, -1, 0, on_last, p);
	if (fd != -1) {
		p->rd = event_new(base, fd, EV_READ | EV_PERSIST, on_read, p);
		p->wr = event_new(base, fd, EV_WRITE | EV_PERSIST, on_write, p);
	}
	if (p->in == NULL || p->out == NULL || p->reader == NULL || p->last == NULL ||
	    (fd != -1 && (p->rd == NULL || p->wr == NULL || event_add(p->rd, NULL) != 0))) {
		peer_free(p);
		return NULL;
	}
	p->fd = fd;
	return p;
}

void
peer_free(struct peer *p)
{
	if (p == NULL)
		return;
	undirty(p);
	if (p->rd != NULL)
		event_free(p->rd);
	if (p->wr != NULL)
		event_free(p->wr);
	if (p->last != NULL)
		event_free(p->last);
	if (p->in != NULL)
		evbuffer_free(p->in);
	if (p->out != NULL)
		evbuffer_free(p->out);
	msg_reader_free(p->reader);
	fd_close(&p->fd);
	free(p);
}

int
peer_send(struct peer *p, enum msg_type type, uint32_t id, const void *body)
{
	int	r;

	if (p->over || p->finishing)
		return -EPIPE;
	r = msg_put(p->out, type, id, body);
	if (r == 0)
		dirty(p);
	return r;
}

void
peer_flush(struct peer *p)
{
	size_t	pending;

	undirty(p);
	if (p->over)
		return;
	if (p->fd == -1) {	/* in memory: whoever reads the buffer has it all */
		if (p->finishing)
			end(p, 0, "closed");
		return;
	}
	while (evbuffer_get_length(p->out) > 0) {
		if (evbuffer_write(p->out, p->fd) > 0)
			continue;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN) {
			end(p, -errno, "the other end closed the connection");
			return;
		}
		break;
	}
	pending = evbuffer_get_length(p->out);
	if (pending > 0)
		(void)event_add(p->wr, NULL);
	else if (event_pending(p->wr, EV_WRITE, NULL))
		(void)event_del(p->wr);
	if (pending == 0 && p->finishing)
		end(p, 0, "closed");
	else if (p->ops->drained != NULL && !p->finishing)
		p->ops->drained(p->arg, pending);
}

void
peer_finish(struct peer *p)
{
	struct timeval	five = { PEER_FINISH_S, 0 };

	if (p->over || p->finishing)
		return;
	p->finishing = true;
	if (p->rd != NULL)
		(void)event_del(p->rd);
	(void)event_add(p->last, &five);
	dirty(p);
}

void
peer_pause(struct peer *p, bool on)
{
	if (p->paused == on || p->over || p->finishing || p->rd == NULL)
		return;
	p->paused = on;
	if (on) {
		(void)event_del(p->rd);
		return;
	}
	(void)event_add(p->rd, NULL);
	/* Frames that were read before are taken from the loop, not from here. */
	event_active(p->rd, EV_READ, 0);
}

size_t
peer_pending(const struct peer *p)
{
	return evbuffer_get_length(p->out);
}

void
peer_feed(struct peer *p, const void *data, size_t len)
{
	if (p->over || p->finishing)
		return;
	if (evbuffer_add(p->in, data, len) != 0)
		end(p, -ENOMEM, "no memory");
	else
		take_frames(p);
}

struct evbuffer *
peer_buffer(struct peer *p)
{
	dirty(p);
	return p->out;
}

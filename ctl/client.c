/* A connection to the supervisor; see client.h. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/fdutil.h"
#include "common/xalloc.h"
#include "ctl/client.h"
#include "ctl/locate.h"

#define CLIENT_READ	65536		/* bytes asked for at once */
#define CLIENT_STEP	16		/* reads of one client_step() */
#define CLIENT_FULL	((size_t)256 << 10)	/* queued bytes that are sent at once */

struct client {
	int			 fd;
	struct evbuffer		*in, *out;
	struct msg_reader	*reader;
	struct locate		 where;
	uint32_t		 next_id;
};

void
client_set_error(struct client_error *e, const struct msg_error *m)
{
	e->code = (enum msg_error_code)m->code;
	(void)snprintf(e->text, sizeof e->text, SV_FMT, SV_ARG(m->text));
	(void)snprintf(e->hint, sizeof e->hint, SV_FMT, SV_ARG(m->hint));
}

static int
set_error(struct client_error *e, int r, const char *text, const char *hint)
{
	e->code = 0;
	(void)snprintf(e->text, sizeof e->text, "%s", text);
	(void)snprintf(e->hint, sizeof e->hint, "%s", hint);
	return r;
}

/* ---- moving bytes ---- */

/* Writes what the socket takes; a supervisor that is gone shows when reading. */
static void
write_some(struct client *c)
{
	while (evbuffer_get_length(c->out) > 0) {
		if (evbuffer_write(c->out, c->fd) > 0)
			continue;
		if (errno != EAGAIN && errno != EINTR)
			(void)evbuffer_drain(c->out, evbuffer_get_length(c->out));
		return;
	}
}

/* Reads what is there.  1 when something came, 2 when that was all of it, 0, or -EPIPE. */
static int
read_some(struct client *c)
{
	struct evbuffer_iovec	v;
	size_t			room;
	ssize_t			n;

	if (evbuffer_reserve_space(c->in, CLIENT_READ, &v, 1) != 1)
		return -EPIPE;
	room = v.iov_len;
	n = read(c->fd, v.iov_base, room);
	v.iov_len = n > 0 ? (size_t)n : 0;
	(void)evbuffer_commit_space(c->in, &v, 1);
	if (n > 0)
		return (size_t)n < room ? 2 : 1;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return -EPIPE;
}

/* What is there is handed on.  As client_next(). */
static int
drain(struct client *c, msg_fn *fn, void *arg, struct client_error *e)
{
	const char	*why = "";
	int		 r = msg_drain(c->in, MSG_DIR_S2C, c->reader, fn, arg, &why);

	if (r == -EBADMSG)
		return set_error(e, r, "the supervisor sent something unreadable",
		    "is it of the same version as this client?");
	return r;
}

static int
lost(struct client_error *e)
{
	return set_error(e, -EPIPE, "the supervisor closed the connection",
	    "it may have been ended; paratestctl status tells");
}

int
client_next(struct client *c, msec_t deadline, int wake_fd, msg_fn *fn, void *arg,
    struct client_error *e)
{
	struct pollfd	p[2] = { { .fd = c->fd }, { .fd = wake_fd, .events = POLLIN } };
	msec_t		now;
	int		r, came;

	for (;;) {
		r = drain(c, fn, arg, e);
		if (r != 0)
			return r;
		now = now_ms();
		if (now >= deadline)
			return 0;
		write_some(c);
		p[0].events = evbuffer_get_length(c->out) > 0 ? POLLIN | POLLOUT : POLLIN;
		if (poll(p, 2, deadline - now > 60000 ? 60000 : (int)(deadline - now)) < 0 &&
		    errno != EINTR)
			return set_error(e, -errno, strerror(errno), "");
		came = p[0].revents & (POLLIN | POLLHUP | POLLERR) ? read_some(c) : 0;
		if (came < 0)
			return lost(e);
		if (came == 0 && p[1].revents & POLLIN)
			return 0;
	}
}

int
client_send(struct client *c, enum msg_type type, const void *body, uint32_t *ret_id)
{
	uint32_t	id = ++c->next_id;
	int		r = msg_put(c->out, type, id, body);

	if (r != 0)
		return r;
	if (ret_id != NULL)
		*ret_id = id;
	/* A long plan goes out while it is made. */
	if (c->fd >= 0 && evbuffer_get_length(c->out) > CLIENT_FULL)
		write_some(c);
	return 0;
}

int
client_send_encoded(struct client *c, enum msg_type type, struct sv body, uint32_t *ret_id)
{
	*ret_id = ++c->next_id;
	return msg_put_encoded(c->out, type, *ret_id, body);
}

/* ---- requests ---- */

struct request {
	uint32_t		 id;
	msg_fn			*fn;
	void			*arg;
	struct client_error	*error;
};

static int
on_answer(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct request	*q = arg;
	int		 r = 0;

	if (type == MSG_ERROR && (id == q->id || id == 0)) {
		client_set_error(q->error, &m->error);
		return -EREMOTEIO;
	}
	if (id != q->id)
		return 0;
	if (q->fn != NULL)
		r = q->fn(q->arg, type, id, m);
	if (r == 0 && (type == MSG_OK || type == MSG_RUN_OK || type == MSG_END_OF || q->fn == NULL))
		r = 1;
	return r;
}

int
client_request(struct client *c, enum msg_type type, const void *body, msg_fn *fn, void *arg,
    struct client_error *e)
{
	struct request	q = { .fn = fn, .arg = arg, .error = e };
	int		r = client_send(c, type, body, &q.id);

	if (r != 0)
		return set_error(e, r, "the request is too long", "");
	r = client_next(c, now_ms() + CLIENT_WAIT_MS, -1, on_answer, &q, e);
	if (r == 0)
		return set_error(e, -ETIMEDOUT, "the supervisor does not answer",
		    "paratestctl ping shows whether it lives; kill its pid if it hangs");
	return r > 0 ? 0 : r;
}

/* ---- opening ---- */

static int
no_supervisor(struct client_error *e, const char *path, int r)
{
	char	text[CLIENT_WHY];

	(void)snprintf(text, sizeof text, "cannot reach a supervisor at %.800s: %s", path,
	    r == -ENOENT || r == -ECONNREFUSED ? "none is running" : strerror(-r));
	return set_error(e, r, text, r == -EACCES || r == -EPERM ?
	    "you may not use it; ask who runs it, or unset PARATEST_SOCKET" :
	    "start one (paratestd --socket PATH), or leave the socket out for a private one");
}

/* Connects to where the supervisor is, or starts a private one there. */
static int
dial(struct client *c, bool start, struct client_error *e)
{
	char	why[LOCATE_WHY];
	int	r;

	c->fd = locate_connect(c->where.path);
	if ((c->fd == -ENOENT || c->fd == -ECONNREFUSED) && c->where.is_private && start) {
		r = locate_start(&c->where, why);
		if (r != 0)
			return set_error(e, r, why, "");
		c->fd = locate_connect(c->where.path);
	}
	return c->fd < 0 ? no_supervisor(e, c->where.path, c->fd) : fd_nonblock(c->fd, 1);
}

static int
on_hello(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	(void)arg;
	(void)id;
	(void)m;
	return type == MSG_HELLO_OK ? 1 : 0;
}

static int
greet(struct client *c, struct client_error *e)
{
	struct msg_hello	hello = { .version = MSG_VERSION,
	    .program = SV_LIT("paratestctl " PARATEST_VERSION) };

	return client_request(c, MSG_HELLO, &hello, on_hello, NULL, e);
}

/* Dials and greets.  A service that nobody named and that does not let us in is none. */
static int
enter(struct client *c, bool start, struct client_error *e)
{
	char	why[LOCATE_WHY];
	int	r = dial(c, start, e);

	if (r == 0)
		r = greet(c, e);
	if (r == 0 || e->code != MSG_ERR_DENIED || !c->where.is_found)
		return r;
	fd_close(&c->fd);
	(void)evbuffer_drain(c->in, evbuffer_get_length(c->in));
	(void)evbuffer_drain(c->out, evbuffer_get_length(c->out));
	r = locate_own(&c->where, why);
	if (r != 0)
		return set_error(e, r, why, "");
	e->code = 0;
	r = dial(c, start, e);
	return r != 0 ? r : greet(c, e);
}

struct client *
client_new(const char *program)
{
	struct client		*c = xcalloc(1, sizeof *c);
	struct msg_hello	 hello = { .version = MSG_VERSION, .program = sv_from(program) };

	c->fd = -1;
	c->in = evbuffer_new();
	c->out = evbuffer_new();
	c->reader = msg_reader_new();
	if (c->in == NULL || c->out == NULL || c->reader == NULL ||
	    client_send(c, MSG_HELLO, &hello, NULL) != 0) {
		client_close(c);
		return NULL;
	}
	return c;
}

int
client_attach(struct client *c, int fd)
{
	int	r = fd_nonblock(fd, 1);

	if (r < 0)
		(void)close(fd);
	else
		c->fd = fd;
	return r < 0 ? r : 0;
}

int
client_fd(const struct client *c)
{
	return c->fd;
}

bool
client_unread(const struct client *c)
{
	return evbuffer_get_length(c->in) > 0;
}

bool
client_pending(const struct client *c)
{
	return evbuffer_get_length(c->out) > 0;
}

void
client_write(struct client *c)
{
	write_some(c);
}

int
client_step(struct client *c, msg_fn *fn, void *arg, struct client_error *e)
{
	int	came = 1, r = 0;

	/* A bounded share of the loop's time: what is left shows as readable again. */
	for (unsigned i = 0; r == 0 && came == 1 && i < CLIENT_STEP; i++) {
		came = read_some(c);
		r = drain(c, fn, arg, e);
	}
	if (r != 0)
		return r;
	if (came < 0)
		return lost(e);
	write_some(c);
	return 0;
}

struct client *
client_open(const char *socket_option, bool start, struct client_error *e)
{
	struct client	*c = xcalloc(1, sizeof *c);
	char		 why[LOCATE_WHY];
	int		 r;

	c->fd = -1;
	c->in = evbuffer_new();
	c->out = evbuffer_new();
	c->reader = msg_reader_new();
	if (c->in == NULL || c->out == NULL || c->reader == NULL) {
		(void)set_error(e, -ENOMEM, "out of memory", "");
		client_close(c);
		return NULL;
	}
	r = locate_socket(socket_option, &c->where, why);
	if (r != 0)
		(void)set_error(e, r, why, "");
	if (r != 0 || enter(c, start, e) != 0) {
		client_close(c);
		return NULL;
	}
	return c;
}

int
client_reopen(struct client *c, bool start, struct client_error *e)
{
	int	r;

	if (c->fd >= 0)
		fd_close(&c->fd);
	(void)evbuffer_drain(c->in, evbuffer_get_length(c->in));
	(void)evbuffer_drain(c->out, evbuffer_get_length(c->out));
	r = dial(c, start, e);
	return r != 0 ? r : greet(c, e);
}

void
client_close(struct client *c)
{
	if (c == NULL)
		return;
	if (c->in != NULL)
		evbuffer_free(c->in);
	if (c->out != NULL)
		evbuffer_free(c->out);
	msg_reader_free(c->reader);
	locate_free(&c->where);
	if (c->fd >= 0)
		fd_close(&c->fd);
	free(c);
}

/* The pipe: lines in, messages out, and the end of both. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/fdutil.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "mcp/core.h"

#define READ_BYTES	65536
#define OUT_FULL	((size_t)8 << 20)	/* unread answers past which nothing is read */
#define GRACE_MS	500	/* after the end of input, for what is at work */
#define SILENCE_MS	5000	/* clients count to ten seconds, or more */
#define CANCEL_MS	1000	/* after that, for what was cancelled */

struct event_base *
mcp_base_new(void)
{
	struct event_config	*c = event_config_new();
	struct event_base	*base;

	/* epoll refuses files and the null device. */
	if (c == NULL || event_config_avoid_method(c, "epoll") != 0)
		fatal("mcp", "out of memory");
	base = event_base_new_with_config(c);
	event_config_free(c);
	if (base == NULL)
		fatal("mcp", "cannot make an event loop");
	return base;
}

/* ---- out ---- */

static void
over(struct mcp_server *s)
{
	s->ending = OVER;
	(void)event_del(s->read);
	(void)event_base_loopbreak(s->base);
}

/* Writes what the pipe takes. */
static void
flush(struct mcp_server *s)
{
	while (s->broken == 0 && evbuffer_get_length(s->out) > 0) {
		if (evbuffer_write(s->out, s->out_fd) >= 0 || errno == EINTR)
			continue;
		if (errno == EAGAIN)
			break;
		s->broken = -errno;
		(void)evbuffer_drain(s->out, evbuffer_get_length(s->out));
		/* From the loop, as whoever sends may be going through a list. */
		event_active(s->deadline, EV_TIMEOUT, 0);
	}
	if (evbuffer_get_length(s->out) > 0)
		(void)event_add(s->write, NULL);
	if (s->ending == SERVING && !server_is_full(s))
		(void)event_add(s->read, NULL);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct mcp_server	*s = arg;

	(void)fd;
	(void)what;
	flush(s);
	server_check_end(s);
}

bool
server_is_full(const struct mcp_server *s)
{
	return evbuffer_get_length(s->out) > OUT_FULL;
}

void
server_send(struct mcp_server *s, json_t *message)
{
	size_t	 n;
	char	*text = mj_dump(message, &n);

	json_decref(message);
	server_send_text(s, text, n);
}

void
server_send_text(struct mcp_server *s, char *text, size_t n)
{
	if (s->broken == 0 && (evbuffer_add(s->out, text, n) != 0 ||
	    evbuffer_add(s->out, "\n", 1) != 0))
		fatal("mcp", "out of memory");
	free(text);
	if (!s->reading)
		flush(s);
}

/* ---- the end ---- */

static void
wait_for(struct mcp_server *s, msec_t ms)
{
	struct timeval	tv = clock_timeval(ms);

	(void)event_add(s->deadline, &tv);
}

static struct mcp_request *
not_cancelled(struct mcp_server *s)
{
	struct mcp_request	*q;

	TAILQ_FOREACH(q, &s->requests, next)
		if (!q->cancelled)
			break;
	return q;
}

static void
cancel_all(struct mcp_server *s)
{
	struct mcp_request	*q;

	/* A handler may end any request when it is told. */
	while ((q = not_cancelled(s)) != NULL)
		request_cancel(q, "the client is gone");
}

void
server_check_end(struct mcp_server *s)
{
	if (s->ending == SERVING || s->ending == OVER || s->reading)
		return;
	/* Nobody is left to ask for a task. */
	if (s->ending == ENDED && s->in_flight == 0) {
		s->ending = CANCELLING;
		wait_for(s, CANCEL_MS);
		cancel_all(s);
	}
	if (TAILQ_EMPTY(&s->requests) && evbuffer_get_length(s->out) == 0)
		over(s);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct mcp_server	*s = arg;

	(void)fd;
	(void)what;
	if (s->ending == SERVING || s->ending == ENDED)
		mcp_stop(s);
	else
		over(s);
}

/* The client has said all it wants to. */
static void
input_ended(struct mcp_server *s)
{
	s->ending = ENDED;
	(void)event_del(s->read);
	listen_end(s);
	wait_for(s, GRACE_MS);
}

void
mcp_stop(struct mcp_server *s)
{
	if (s->ending == CANCELLING || s->ending == OVER)
		return;
	if (s->ending == SERVING)
		input_ended(s);
	s->ending = CANCELLING;
	wait_for(s, CANCEL_MS);
	cancel_all(s);
	server_check_end(s);
}

/* ---- in ---- */

static void
on_line(void *arg, const char *line, size_t n)
{
	dispatch_line(arg, line, n);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct mcp_server	*s = arg;
	static char		 buf[READ_BYTES];
	ssize_t			 n = read(fd, buf, sizeof(buf));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Answers to what came together go out together. */
	s->reading = true;
	if (n > 0)
		lines_feed(&s->lines, buf, (size_t)n, on_line, s);
	else {
		lines_end(&s->lines, on_line, s);
		input_ended(s);
	}
	s->reading = false;
	flush(s);
	if (server_is_full(s))
		(void)event_del(s->read);
	server_check_end(s);
}

/* ---- the server ---- */

static struct event *
need_event(struct event *e)
{
	if (e == NULL)
		fatal("mcp", "out of memory");
	return e;
}

struct mcp_server *
mcp_new(struct event_base *base, int in_fd, int out_fd, const struct mcp_offer *offer)
{
	struct mcp_server	*s = xcalloc(1, sizeof *s);
	struct listen		*legacy = xcalloc(1, sizeof *legacy);

	s->base = base;
	s->offer = offer;
	s->out_fd = out_fd;
	s->out = evbuffer_new();
	s->capabilities = mj_need(json_object());
	s->log_level = client_level("info");
	s->silence_ms = SILENCE_MS;
	if (s->out == NULL)
		fatal("mcp", "out of memory");
	TAILQ_INIT(&s->requests);
	TAILQ_INIT(&s->tasks);
	TAILQ_INIT(&s->listens);
	TAILQ_INIT(&s->asked);
	TAILQ_INSERT_HEAD(&s->listens, legacy, next);
	lines_init(&s->lines, MCP_LINE_MAX);
	offer_check(s);
	(void)fd_nonblock(in_fd, 1);
	(void)fd_nonblock(out_fd, 1);
	(void)signal(SIGPIPE, SIG_IGN);
	s->read = need_event(event_new(base, in_fd, EV_READ | EV_PERSIST, on_read, s));
	s->write = need_event(event_new(base, out_fd, EV_WRITE, on_write, s));
	s->deadline = need_event(event_new(base, -1, 0, on_deadline, s));
	(void)event_add(s->read, NULL);
	return s;
}

int
mcp_run(struct mcp_server *s)
{
	while (s->ending != OVER)
		if (event_base_dispatch(s->base) != 0)
			break;
	return s->broken == -EPIPE ? 0 : s->broken;
}

void
mcp_free(struct mcp_server *s)
{
	struct mcp_request	*q;
	struct batch		*batch;

	if (s == NULL)
		return;
	s->ending = OVER;
	s->broken = -ECANCELED;		/* nothing is sent any more */
	while ((q = TAILQ_FIRST(&s->requests)) != NULL) {
		batch = q->batch;
		request_free(q);
		if (batch != NULL)
			batch_done(s, batch);
	}
	tasks_free(s);
	listen_free(s);
	event_free(s->read);
	event_free(s->write);
	event_free(s->deadline);
	evbuffer_free(s->out);
	lines_free(&s->lines);
	json_decref(s->capabilities);
	for (size_t i = 0; i < s->offer->ntools; i++)
		json_decref(s->schemas[i]);
	free(s->schemas);
	free(s);
}

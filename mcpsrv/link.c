/* A connection in an event loop; see link.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/fdutil.h"
#include "common/xalloc.h"
#include "ctl/locate.h"
#include "mcpsrv/link.h"

#define LINK_START_MS	20000	/* for a supervisor that is started */
#define LINK_AGAIN_MS	5	/* between tries to connect to it */
#define LINK_GREET_MS	10000

struct question {
	enum msg_type	 type;
	char		*body;		/* encoded, until it is sent; owned */
	size_t		 len;
	uint32_t	 id;		/* 0: not sent yet */
	msg_fn		*fn;
	link_done_fn	*done;		/* NULL: none is open */
	void		*arg;
	msec_t		 deadline;	/* 0: none */
};

struct link {
	struct event_base	*base;
	struct client		*client;
	struct locate		 where;
	struct event		*io;		/* of what is waited for */
	struct event		*timer;
	bool			 up;		/* greeted */
	bool			 leaving;	/* one that let us in was gone at once */
	int			 failed;	/* for good: what every question gets */
	int			 ready;		/* of a supervisor that starts, -1: none does */
	pid_t			 child;
	msec_t			 until;		/* connecting, or greeting, is given up then */
	struct question		 q;
	struct client_error	 error;
};

static void	try_connect(struct link *);
static void	on_io(evutil_socket_t, short, void *);

static struct client *
new_client(void)
{
	struct client	*c = client_new("paratest-mcp " PARATEST_VERSION);

	if (c == NULL)
		abort();	/* as without memory elsewhere */
	return c;
}

/* ---- questions ---- */

static void
set_timer(struct link *l, msec_t at)
{
	msec_t		now = now_ms();
	struct timeval	tv = clock_timeval(at > now ? at - now : 0);

	(void)evtimer_add(l->timer, &tv);
}

/* Tells the one who asked; the link may be gone then. */
static void
answer(struct link *l, int r)
{
	struct question		q = l->q;
	struct client_error	e = l->error;

	if (q.done == NULL)
		return;
	free(q.body);
	l->q = (struct question){ .done = NULL };
	(void)evtimer_del(l->timer);
	/* What came behind the answer waits for the next question. */
	if (l->io != NULL && l->failed == 0 && client_unread(l->client))
		event_active(l->io, EV_READ, 0);
	q.done(q.arg, r, &e);
}

/* It is of no use from now on. */
static void
fail(struct link *l, int r)
{
	l->failed = r;
	if (l->io != NULL)
		(void)event_del(l->io);
	if (l->q.done != NULL)
		set_timer(l, 0);
}

static int
fail_text(struct link *l, int r, const char *text, const char *hint)
{
	l->error.code = 0;
	(void)snprintf(l->error.text, sizeof l->error.text, "%s", text);
	(void)snprintf(l->error.hint, sizeof l->error.hint, "%s", hint);
	fail(l, r);
	return r;
}

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct link	*l = arg;
	int		 r = 0;

	if (type == MSG_HELLO_OK) {
		l->up = true;
		return 0;
	}
	if (type == MSG_ERROR && (!l->up || id == 0 || id == l->q.id)) {
		client_set_error(&l->error, &m->error);
		return -EREMOTEIO;
	}
	/* Events have no id: there is one watch on a connection. */
	if (l->q.done == NULL || (id != l->q.id && id != 0))
		return 0;
	if (l->q.fn != NULL)
		r = l->q.fn(l->q.arg, type, id, m);
	if (r == 0 && (type == MSG_OK || type == MSG_RUN_OK || type == MSG_END_OF))
		r = 1;
	return r;
}

static void
watch_socket(struct link *l)
{
	short	want = (short)(EV_READ | (client_pending(l->client) ? EV_WRITE : 0));

	(void)event_del(l->io);
	(void)event_assign(l->io, l->base, client_fd(l->client), want, on_io, l);
	(void)event_add(l->io, NULL);
}

/* Only to a supervisor that has answered: one that leaves still lets us in. */
static void
send_question(struct link *l)
{
	struct question	*q = &l->q;

	if (!l->up || q->done == NULL || q->id != 0)
		return;
	if (client_send_encoded(l->client, q->type, (struct sv){ q->body, q->len }, &q->id) != 0)
		abort();	/* as without memory elsewhere */
	client_write(l->client);
	free(q->body);
	q->body = NULL;
	(void)evtimer_del(l->timer);
	if (q->deadline != 0)
		set_timer(l, q->deadline);
}

/* It was gone before it greeted: the next one is looked for, or started. */
static void
again(struct link *l)
{
	(void)event_del(l->io);
	client_close(l->client);
	l->client = new_client();
	l->leaving = true;
	set_timer(l, now_ms() + LINK_AGAIN_MS);
}

/* A service that nobody named and that does not let us in is none: ours is looked for, or
 * started. */
static bool
is_none(const struct link *l)
{
	return !l->up && l->where.is_found && l->error.code == MSG_ERR_DENIED;
}

static void
take_own(struct link *l)
{
	char	why[LOCATE_WHY];
	int	r;

	(void)event_del(l->io);
	client_close(l->client);
	l->client = new_client();
	l->error = (struct client_error){ .code = 0 };
	r = locate_own(&l->where, why);
	if (r != 0) {
		(void)fail_text(l, r, why, "");
		return;
	}
	l->until = 0;
	l->leaving = false;
	set_timer(l, 0);
}

static void
on_io(evutil_socket_t fd, short what, void *arg)
{
	struct link	*l = arg;
	int		 r;

	(void)fd;
	(void)what;
	r = client_step(l->client, on_frame, l, &l->error);
	if (r == -EPIPE && !l->up && now_ms() < l->until) {
		again(l);
		return;
	}
	if (r == -EREMOTEIO && is_none(l)) {
		take_own(l);
		return;
	}
	if (r == -EPIPE || r == -EBADMSG || (r == -EREMOTEIO && !l->up)) {
		l->failed = r;
		(void)event_del(l->io);
		answer(l, r);
		return;
	}
	send_question(l);
	watch_socket(l);
	if (r != 0)
		answer(l, r > 0 ? 0 : r);
}

void
link_ask(struct link *l, enum msg_type type, const void *body, uint64_t timeout_ms, msg_fn *fn,
    link_done_fn *done, void *arg)
{
	int	r;

	free(l->q.body);
	l->q = (struct question){ .type = type, .fn = fn, .done = done, .arg = arg,
	    .deadline = timeout_ms != 0 ? now_ms() + timeout_ms : 0 };
	if (l->failed != 0) {
		set_timer(l, 0);
		return;
	}
	r = msg_encode(type, body, &l->q.body, &l->q.len);
	if (r != 0) {
		(void)fail_text(l, r, "the request cannot be sent: it is too long, or has a NUL",
		    "Make it smaller.");
		return;
	}
	if (l->up) {
		send_question(l);
		watch_socket(l);
	}
}

bool
link_is_free(const struct link *l)
{
	return l->up && l->failed == 0 && l->q.done == NULL;
}

struct client *
link_client(struct link *l)
{
	return l->client;
}

/* ---- connecting ---- */

static void
stop_waiting(struct link *l)
{
	if (l->ready == -1)
		return;
	(void)event_del(l->io);
	fd_close(&l->ready);
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct link	*l = arg;

	(void)fd;
	(void)what;
	stop_waiting(l);
	try_connect(l);
}

static void
start_supervisor(struct link *l)
{
	char	why[LOCATE_WHY];
	int	r = locate_spawn(&l->where, &l->ready, &l->child, why);

	if (r != 0) {
		(void)fail_text(l, r, why, "Start one in a terminal: paratestctl status --json");
		return;
	}
	l->until = now_ms() + LINK_START_MS;
	(void)event_assign(l->io, l->base, l->ready, EV_READ, on_ready, l);
	(void)event_add(l->io, NULL);
	set_timer(l, l->until);
}

static void
no_supervisor(struct link *l, int r)
{
	char	text[CLIENT_WHY];

	(void)snprintf(text, sizeof text, "no supervisor can be reached at %.800s: %s",
	    l->where.path, r == -ENOENT || r == -ECONNREFUSED ? "none is running" : strerror(-r));
	(void)fail_text(l, r, text, r == -EACCES || r == -EPERM ?
	    "This user may not use it: ask who runs it, or start paratest-mcp without --socket and "
	    "without PARATEST_SOCKET." :
	    "Start it with: paratestd --socket PATH, or start paratest-mcp without --socket and "
	    "without PARATEST_SOCKET for a private one.");
}

static void
try_connect(struct link *l)
{
	int	fd = locate_connect(l->where.path), r;
	bool	absent = fd == -ENOENT || fd == -ECONNREFUSED;
	char	why[LOCATE_WHY];

	if (absent && l->where.is_private && (l->until == 0 || l->leaving)) {
		l->leaving = false;
		start_supervisor(l);
		return;
	}
	if (absent && l->until != 0 && now_ms() < l->until) {
		/* The one that holds the lock may still be on its way, up or out. */
		set_timer(l, now_ms() + LINK_AGAIN_MS);
		return;
	}
	if (absent && l->until != 0) {
		locate_silent(&l->where, why);
		(void)fail_text(l, fd, why, "Read that log, then call again.");
		return;
	}
	r = fd < 0 ? fd : client_attach(l->client, fd);
	if (r < 0) {
		no_supervisor(l, r);
		return;
	}
	(void)event_assign(l->io, l->base, fd, EV_READ | EV_WRITE, on_io, l);
	(void)event_add(l->io, NULL);
	if (!l->leaving)
		l->until = now_ms() + LINK_GREET_MS;
	set_timer(l, l->until);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct link	*l = arg;

	(void)fd;
	(void)what;
	if (l->failed != 0) {
		answer(l, l->failed);
	} else if (client_fd(l->client) == -1) {
		stop_waiting(l);
		try_connect(l);
	} else if (!l->up) {
		if (fail_text(l, -ETIMEDOUT, "the supervisor does not answer",
		    "paratestctl ping shows whether it lives; end its process if it hangs.") != 0)
			answer(l, -ETIMEDOUT);
	} else {
		l->error = (struct client_error){ .text = "the supervisor does not answer in time",
		    .hint = "Call again; paratestctl status shows how busy it is." };
		answer(l, -ETIMEDOUT);
	}
}

struct link *
link_new(struct event_base *base, const char *socket)
{
	struct link	*l = xcalloc(1, sizeof *l);
	char		 why[LOCATE_WHY];
	int		 r;

	l->base = base;
	l->ready = -1;
	l->client = new_client();
	l->io = event_new(base, -1, 0, on_io, l);
	l->timer = evtimer_new(base, on_timer, l);
	if (l->io == NULL || l->timer == NULL)
		abort();	/* as without memory elsewhere */
	r = locate_socket(socket, &l->where, why);
	if (r != 0)
		(void)fail_text(l, r, why, "");
	else
		try_connect(l);
	return l;
}

void
link_free(struct link *l)
{
	if (l == NULL)
		return;
	stop_waiting(l);
	event_free(l->io);
	event_free(l->timer);
	client_close(l->client);
	free(l->q.body);
	locate_free(&l->where);
	/* A supervisor that lost the race for its socket has ended. */
	if (l->child > 0)
		(void)waitpid(l->child, NULL, WNOHANG);
	free(l);
}

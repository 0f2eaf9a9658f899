/* Connections of clients; see control.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/fdutil.h"
#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/server.h"

#define CONTROL_PAUSE_S	1	/* no accepting when descriptors ran out */
/* Bytes of answers that wait for a client: above it takes no more questions.  More
 * than watchers and readers ever queue. */
#define CONTROL_FULL	((size_t)8 << 20)

struct control {
	struct server		*server;
	struct event		*accept, *resume, *tick;
	int			 fd;
	TAILQ_HEAD(, conn)	 conns;
	unsigned		 n;
};

/* ---- one connection ---- */

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct conn	*c = arg;

	int		 r;

	c->heard_at = now_ms();
	r = control_dispatch(c, type, id, m);
	if (peer_pending(c->peer) > CONTROL_FULL)
		peer_pause(c->peer, true);
	return r;
}

static void
on_drained(void *arg, size_t pending)
{
	struct conn	*c = arg;

	if (pending < CONTROL_FULL / 2)
		peer_pause(c->peer, false);
}

static void
free_plan(struct conn *c)
{
	if (c->plan != NULL)
		manifest_free(c->plan);
	free(c->plan);
	c->plan = NULL;
}

static void
on_gone(void *arg, int r, const char *why)
{
	struct conn	*c = arg;
	struct server	*s = c->server;

	if (r == -EBADMSG)
		log_info("control", "client %d: %s", (int)c->pid, why);
	c->gone = true;
	watch_drop_peer(&s->watches, c->peer);
	output_drop_peer(&s->outputs, c->peer);
	free_plan(c);		/* a plan that was not committed never was */
	c->last = NULL;
	runs_client_gone(&s->runs, c->peer);
}

static const struct peer_ops conn_ops = {
	.frame = on_frame, .gone = on_gone, .drained = on_drained
};

struct conn *
control_add(struct control *ctl, int fd, uid_t uid, pid_t pid)
{
	struct conn	*c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->server = ctl->server;
	c->uid = uid;
	c->pid = pid;
	c->heard_at = now_ms();
	c->peer = peer_new(ctl->server->base, &ctl->server->peers, fd, MSG_DIR_C2S, &conn_ops, c);
	if (c->peer == NULL) {
		free(c);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&ctl->conns, c, entry);
	ctl->n++;
	return c;
}

static void
free_conn(struct control *ctl, struct conn *c)
{
	TAILQ_REMOVE(&ctl->conns, c, entry);
	ctl->n--;
	watch_drop_peer(&ctl->server->watches, c->peer);
	output_drop_peer(&ctl->server->outputs, c->peer);
	free_plan(c);
	peer_free(c->peer);
	free(c);
}

/* ---- accepting ---- */

static void
refuse(struct conn *c, enum msg_error_code code, struct sv text, struct sv hint)
{
	struct msg_error	m = { .code = code, .text = text, .hint = hint };

	(void)peer_send(c->peer, MSG_ERROR, 0, &m);
	peer_finish(c->peer);
}

static void
admit(struct control *ctl, int fd)
{
	const struct config	*config = &ctl->server->config;
	struct conn		*c;
	uid_t			 uid;
	gid_t			 gid;
	pid_t			 pid;

	/* Ten more than the bound, so that there is room to say no. */
	if (fd_peer(fd, &uid, &gid, &pid) != 0 || ctl->n >= config->max_connections + 10) {
		(void)close(fd);
		return;
	}
	c = control_add(ctl, fd, uid, pid);
	if (c == NULL) {
		(void)close(fd);
		return;
	}
	if (uid != ctl->server->uid && uid != 0)
		refuse(c, MSG_ERR_DENIED, SV_LIT("this supervisor belongs to another user"),
		    SV_LIT("unset PARATEST_SOCKET to use your own"));
	else if (ctl->n > config->max_connections)
		refuse(c, MSG_ERR_LIMIT, SV_LIT("too many clients are connected"),
		    SV_LIT("wait, or raise it: paratestctl config set max-connections N"));
}

static void
on_accept(evutil_socket_t lfd, short what, void *arg)
{
	struct control	*ctl = arg;
	struct timeval	 pause = { CONTROL_PAUSE_S, 0 };
	int		 fd;

	(void)what;
	while ((fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) != -1)
		admit(ctl, fd);
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		/* It would be readable again at once, and for ever. */
		log_warn("control", "no accepting for a second: %s", strerror(errno));
		(void)event_del(ctl->accept);
		(void)event_add(ctl->resume, &pause);
	}
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct control	*ctl = arg;

	(void)fd;
	(void)what;
	if (ctl->fd != -1)
		(void)event_add(ctl->accept, NULL);
}

/* Those who say nothing, or leave a plan open, are not waited for. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct control	*ctl = arg;
	struct conn	*c;
	msec_t		 now = now_ms();

	(void)fd;
	(void)what;
	TAILQ_FOREACH(c, &ctl->conns, entry) {
		if (c->gone)
			continue;
		if (!c->greeted && now - c->heard_at > CONTROL_HELLO_MS)
			refuse(c, MSG_ERR_BAD, SV_LIT("no HELLO came in time"), SV_LIT(""));
		else if (c->plan != NULL && now - c->heard_at > CONTROL_PLAN_MS)
			refuse(c, MSG_ERR_BAD, SV_LIT("the plan was not completed in time"),
			    SV_LIT(""));
	}
}

/* ---- all of them ---- */

struct control *
control_new(struct server *s, int fd)
{
	struct control	*ctl = calloc(1, sizeof *ctl);
	struct timeval	 second = { 1, 0 };

	if (ctl == NULL)
		return NULL;
	ctl->server = s;
	ctl->fd = fd;
	TAILQ_INIT(&ctl->conns);
	ctl->accept = event_new(s->base, fd, EV_READ | EV_PERSIST, on_accept, ctl);
	ctl->resume = evtimer_new(s->base, on_resume, ctl);
	ctl->tick = event_new(s->base, -1, EV_PERSIST, on_tick, ctl);
	if (ctl->accept == NULL || ctl->resume == NULL || ctl->tick == NULL ||
	    (fd != -1 && event_add(ctl->accept, NULL) != 0) ||
	    event_add(ctl->tick, &second) != 0) {
		control_free(ctl);
		return NULL;
	}
	return ctl;
}

void
control_close(struct control *ctl)
{
	if (ctl->fd == -1)
		return;
	(void)event_del(ctl->accept);
	(void)event_del(ctl->resume);
	fd_close(&ctl->fd);
}

void
control_finish(struct control *ctl)
{
	struct conn	*c;

	TAILQ_FOREACH(c, &ctl->conns, entry)
		peer_finish(c->peer);
}

void
control_turn(struct control *ctl)
{
	struct conn	*c, *next;

	for (c = TAILQ_FIRST(&ctl->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (c->gone)
			free_conn(ctl, c);
	}
}

unsigned
control_count(const struct control *ctl)
{
	return ctl->n;
}

void
control_forget_run(struct control *ctl, const struct run *run)
{
	struct conn	*c;

	TAILQ_FOREACH(c, &ctl->conns, entry) {
		if (c->last == run)
			c->last = NULL;
	}
}

void
control_free(struct control *ctl)
{
	struct conn	*c;

	if (ctl == NULL)
		return;
	while ((c = TAILQ_FIRST(&ctl->conns)) != NULL)
		free_conn(ctl, c);
	if (ctl->accept != NULL)
		event_free(ctl->accept);
	if (ctl->resume != NULL)
		event_free(ctl->resume);
	if (ctl->tick != NULL)
		event_free(ctl->tick);
	fd_close(&ctl->fd);
	free(ctl);
}

/* Connections of clients; see control.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/fdutil.h"
#include "common/identity.h"
#include "common/log.h"
#include "supervisor/access.h"
#include "supervisor/control.h"
#include "supervisor/quota.h"
#include "supervisor/server.h"
#include "supervisor/tarpit.h"

#define CONTROL_PAUSE_S	1	/* no accepting when descriptors ran out */
/* Bytes of answers that wait for a client: above it takes no more questions.  More
 * than watchers and readers ever queue. */
#define CONTROL_FULL	((size_t)8 << 20)
/* So much a connection may have however much its user's others have. */
#define CONTROL_SMALL	((size_t)64 << 10)
#define CONTROL_ACCEPTS	32	/* in a turn */
/* Clients that come and are one too many cost time, too: after so many in a turn nobody is let
 * in for so many times as long as these took, within bounds. */
#define CONTROL_CROWD	8
#define CONTROL_CROWD_TIMES 100
#define CONTROL_CROWD_LEAST_US 2000
#define CONTROL_CROWD_MOST_US 50000
/* What one user's questions may take of a turn, and a bit: workers wait as long for their next
 * test. */
#define CONTROL_TURN_US	300
#define CONTROL_PARTIAL_US 20	/* that a turn for a part of a message takes, about */
#define CONTROL_REST_US	20000	/* between two looks at whether one who took more may go on */
#define CONTROL_WAKES	8	/* of a user's connections that go on in a turn: enough to fill it */

struct control {
	struct server		*server;
	struct event		*accept, *resume, *tick, *rest;
	int			 fd;
	TAILQ_HEAD(, conn)	 conns;
	struct guests		 guests;
	struct tarpit		 tarpit;
	unsigned		 n;
};

/* ---- one connection ---- */

static void
count_pending(struct conn *c, size_t pending)
{
	c->guest->pending += pending - c->pending;
	c->pending = pending;
}

/* Answers wait, more than it, or more than its user, may leave unread. */
static bool
is_full(const struct conn *c, size_t part)
{
	return c->pending > CONTROL_FULL / part || (c->pending > CONTROL_SMALL / part &&
	    c->guest->pending > CONTROL_FULL / part);
}

static void
count_plan(struct conn *c)
{
	uint64_t	plan = c->draft != NULL ? manifest_memory(&c->draft->plan) : 0;

	c->guest->plans += plan - c->plan;
	c->plan = plan;
}

/* Is there anybody else who wants something? */
static bool
has_company(const struct control *ctl, const struct guest *g)
{
	const struct guest	*other;
	const struct user	*u;

	LIST_FOREACH(other, &ctl->guests, entry) {
		if (other != g && other->connections > 0)
			return true;
	}
	LIST_FOREACH(u, &ctl->server->runs.users, entry) {
		if (u->nactive > 0 && u->uid != g->uid)
			return true;
	}
	return false;
}

/* Did its user take so much that it is others' turn? */
static bool
took_enough(const struct conn *c, uint64_t now)
{
	if (c->guest->used_us > CONTROL_TURN_US)
		return true;
	return !c->guest->unbounded && guest_owes(c->guest, now) &&
	    has_company(c->server->control, c->guest);
}

/* Nothing more is read of it for now if it is others' turn.  Is it? */
static bool
rest_if_due(struct conn *c, uint64_t now)
{
	c->resting = took_enough(c, now);
	if (c->resting)
		peer_pause(c->peer, true);
	return c->resting;
}

/* It took so much of the loop. */
static void
charge(struct conn *c, uint64_t us, uint64_t now)
{
	guest_used(c->guest, us, now);
	(void)rest_if_due(c, now);
}

/* Nothing is read of one whose user has had his turn. */
static bool
on_ready(void *arg)
{
	return !rest_if_due(arg, now_us());
}

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct conn	*c = arg;
	uint64_t	 start = now_us(), end;
	int		 r;

	c->heard_at = start / 1000;
	/* Of a user's connections the others come first, the next time. */
	TAILQ_REMOVE(&c->server->control->conns, c, entry);
	TAILQ_INSERT_TAIL(&c->server->control->conns, c, entry);
	r = control_dispatch(c, type, id, m);
	count_plan(c);
	count_pending(c, peer_pending(c->peer));
	end = now_us();
	charge(c, end - start, end);
	if (is_full(c, 1))
		peer_pause(c->peer, true);
	return r;
}

/* As much as for a frame goes into a byte of one. */
static void
on_partial(void *arg)
{
	charge(arg, CONTROL_PARTIAL_US, now_us());
}

/* Reads again, unless there is still a reason not to. */
static void
read_on(struct conn *c)
{
	if (!is_full(c, 2) && !c->resting && c->commit == NULL)
		peer_pause(c->peer, false);
}

static void
on_drained(void *arg, size_t pending)
{
	struct conn	*c = arg;

	count_pending(c, pending);
	read_on(c);
}

/* A plan that was not committed never was. */
static void
drop_draft(struct conn *c)
{
	commit_free(c->commit);
	c->commit = NULL;
	draft_free(c->draft);
	c->draft = NULL;
	count_plan(c);
}

static void
on_gone(void *arg, int r, const char *why)
{
	struct conn	*c = arg;
	struct server	*s = c->server;

	if (r == -EBADMSG && guest_complain(c->guest, now_ms()))
		log_about(&(struct log_subject){ .has_uid = true, .uid = c->uid }, LOG_LEVEL_INFO,
		    "control", "client %d: %s", (int)c->pid, why);
	c->gone = true;
	watch_drop_peer(&s->watches, c->peer);
	output_drop_peer(&s->outputs, c->peer);
	ask_drop_peer(&s->asks, c->peer);
	drop_draft(c);
	c->last = NULL;
	runs_client_gone(&s->runs, c->peer);
}

static void
on_bad(void *arg, const char *why)
{
	struct conn		*c = arg;
	struct msg_error	 m = { .code = MSG_ERR_BAD,
	    .hint = SV_LIT("the connection is closed; is the client of another build?") };
	char			 text[200];

	if (!c->greeted)	/* who knows what speaks there */
		return;
	(void)snprintf(text, sizeof text, "what the client sent cannot be taken: %s", why);
	m.text = sv_from(text);
	(void)peer_send(c->peer, MSG_ERROR, 0, &m);
}

static const struct peer_ops conn_ops = {
	.frame = on_frame, .bad = on_bad, .gone = on_gone, .drained = on_drained,
	.partial = on_partial, .ready = on_ready
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
	c->guest = guests_enter(&ctl->guests, uid);
	if (c->guest == NULL) {
		free(c);
		return NULL;
	}
	c->peer = peer_new(ctl->server->base, &ctl->server->peers, fd, MSG_DIR_C2S, &conn_ops, c);
	if (c->peer == NULL) {
		guests_leave(c->guest);
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
	ask_drop_peer(&ctl->server->asks, c->peer);
	drop_draft(c);
	count_pending(c, 0);
	guests_leave(c->guest);
	peer_free(c->peer);
	free(c->who);
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

/* False: there is no room for it. */
static bool
admit(struct control *ctl, int fd)
{
	const struct config	*config = &ctl->server->config;
	struct guest		*guest;
	uint64_t		 start = now_us(), end;
	struct conn		*c;
	const char		*hint;
	char			 why[QUOTA_WHY];
	uid_t			 uid;
	gid_t			 gid;
	pid_t			 pid;

	/* Some more than the bounds, so that there is room to say no. */
	if (fd_peer(fd, &uid, &gid, &pid) != 0) {
		(void)close(fd);
		return false;
	}
	guest = guests_find(&ctl->guests, uid);
	if (ctl->n >= config->max_connections + 10 ||
	    (guest != NULL && quota_crowd(guest, config, start))) {
		tarpit_hold(&ctl->tarpit, fd, start / 1000);
		return false;
	}
	c = control_add(ctl, fd, uid, pid);
	if (c == NULL) {
		(void)close(fd);
		return false;
	}
	(void)identity_of_socket(fd, &c->who, NULL);	/* without, groups grant nothing */
	c->guest->unbounded = quota_unbounded(c);
	/* To go costs as much again as to come: who does nothing else pays for it like one who
	 * asks, and is not read from while he owes. */
	end = now_us();
	charge(c, 2 * (end - start), end);
	if (access_enter(c, why, &hint) != 0)
		refuse(c, MSG_ERR_DENIED, sv_from(why), sv_from(hint));
	else if (ctl->n > config->max_connections && !c->guest->unbounded)
		refuse(c, MSG_ERR_LIMIT, SV_LIT("too many clients are connected"),
		    SV_LIT("wait, or raise it: paratestctl config set max-connections N"));
	else if (quota_connect(c, why) != 0)
		refuse(c, MSG_ERR_LIMIT, sv_from(why), SV_LIT("end one of them, or wait"));
	else
		return true;
	return false;
}

static void
stop_accepting(struct control *ctl, struct timeval how_long)
{
	(void)event_del(ctl->accept);
	(void)event_add(ctl->resume, &how_long);
}

/* For how long nobody comes in after a crowd that took so long. */
static struct timeval
after_crowd(uint64_t took_us)
{
	uint64_t	us = took_us * CONTROL_CROWD_TIMES;

	if (us < CONTROL_CROWD_LEAST_US)
		us = CONTROL_CROWD_LEAST_US;
	if (us > CONTROL_CROWD_MOST_US)
		us = CONTROL_CROWD_MOST_US;
	return (struct timeval){ 0, (suseconds_t)us };
}

static void
on_accept(evutil_socket_t lfd, short what, void *arg)
{
	struct control	*ctl = arg;
	uint64_t	 start = now_us();
	unsigned	 crowd = 0;
	int		 fd = -1;

	(void)what;
	for (unsigned n = 0; n < CONTROL_ACCEPTS; n++) {
		fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1)
			break;
		crowd += !admit(ctl, fd);
	}
	if (crowd >= CONTROL_CROWD)
		stop_accepting(ctl, after_crowd(now_us() - start));
	if (fd == -1 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		/* It would be readable again at once, and for ever. */
		log_warn("control", "no accepting for a second: %s", strerror(errno));
		stop_accepting(ctl, (struct timeval){ CONTROL_PAUSE_S, 0 });
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

static void
on_rest(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;	/* being awake is all: control_turn() does the work */
	(void)what;
	(void)arg;
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
	tarpit_tidy(&ctl->tarpit, now);
	TAILQ_FOREACH(c, &ctl->conns, entry) {
		if (c->gone)
			continue;
		if (!c->greeted && now - c->heard_at > CONTROL_HELLO_MS)
			refuse(c, MSG_ERR_BAD, SV_LIT("no HELLO came in time"), SV_LIT(""));
		else if (c->draft != NULL && c->commit == NULL &&
		    now - c->heard_at > CONTROL_PLAN_MS)
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
	LIST_INIT(&ctl->guests);
	ctl->accept = event_new(s->base, fd, EV_READ | EV_PERSIST, on_accept, ctl);
	ctl->resume = evtimer_new(s->base, on_resume, ctl);
	ctl->tick = event_new(s->base, -1, EV_PERSIST, on_tick, ctl);
	ctl->rest = evtimer_new(s->base, on_rest, ctl);
	if (ctl->accept == NULL || ctl->resume == NULL || ctl->tick == NULL ||
	    ctl->rest == NULL ||
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

bool
control_flush(struct control *ctl)
{
	uint64_t	 start, end;
	struct conn	*c;
	bool		 busy = false;

	TAILQ_FOREACH(c, &ctl->conns, entry) {
		if (c->gone)
			continue;
		if (c->commit == NULL && c->draft == NULL)
			continue;
		start = now_us();
		if (c->commit != NULL) {
			busy |= commit_pump(c->commit);
			count_plan(c);
		}
		if (c->draft != NULL)
			draft_flush(c->draft);
		end = now_us();
		guest_used(c->guest, end - start, end);
	}
	return busy;
}

void
control_turn(struct control *ctl)
{
	struct timeval	 rest = { 0, CONTROL_REST_US };
	struct conn	*c, *next;
	uint64_t	 now = now_us();
	bool		 resting = false;

	guests_turn(&ctl->guests, now);
	for (c = TAILQ_FIRST(&ctl->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (c->gone) {
			free_conn(ctl, c);
		} else if (c->resting) {
			c->resting = took_enough(c, now) || ++c->guest->woken > CONTROL_WAKES;
			read_on(c);
			resting |= c->resting;
		}
	}
	if (resting && !event_pending(ctl->rest, EV_TIMEOUT, NULL))
		(void)event_add(ctl->rest, &rest);
}

unsigned
control_count(const struct control *ctl)
{
	return ctl->n;
}

const struct guest *
control_guest(const struct control *ctl, uid_t uid)
{
	return guests_find(&ctl->guests, uid);
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
	tarpit_clear(&ctl->tarpit);
	guests_free(&ctl->guests);
	if (ctl->accept != NULL)
		event_free(ctl->accept);
	if (ctl->resume != NULL)
		event_free(ctl->resume);
	if (ctl->tick != NULL)
		event_free(ctl->tick);
	if (ctl->rest != NULL)
		event_free(ctl->rest);
	fd_close(&ctl->fd);
	free(ctl);
}

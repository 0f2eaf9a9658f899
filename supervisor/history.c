/* The store process and what it is told; see history.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/log.h"
#include "supervisor/history.h"
#include "supervisor/pool.h"
#include "supervisor/run.h"
#include "supervisor/spawn.h"

#define HISTORY_TELL_MS		100	/* growth is told together for so long */
#define HISTORY_DELAY_MS	100	/* before the first restart; then it doubles */
#define HISTORY_DELAY_MAX_MS	30000
#define HISTORY_STEADY_MS	60000	/* up for so long: the delay starts anew */
#define HISTORY_END_MS		5000	/* after the end of its stream it may live on */
#define HISTORY_FULL		((size_t)4 << 20)	/* bytes that it does not take */

struct tracked {
	TAILQ_ENTRY(tracked)	 entry;
	char			 run[RUN_ID + 1];
	uint64_t		 size;
	bool			 over;		/* nothing more will be written */
	bool			 news;		/* the store was not told yet */
};

enum link { LINK_DOWN, LINK_STARTING, LINK_UP };

struct history {
	struct event_base	*base;
	struct peer_set		*peers;
	const struct config	*config;
	struct pool		*pool;
	const struct state	*state;
	const char		*program;
	const struct history_ops *ops;
	void			*arg;
	struct event		*restart, *tell, *end;
	TAILQ_HEAD(, tracked)	 list;
	enum link		 link;
	struct peer		*peer;		/* NULL: DOWN */
	pid_t			 pid;		/* 0: none */
	msec_t			 up_since;
	uint64_t		 delay_ms;	/* before the next restart */
	bool			 stopping;
	char			*fault;		/* owned; NULL: well */
};

static void	arm_restart(struct history *);

/* ---- what is wrong ---- */

static void
set_fault(struct history *h, const char *text)
{
	if (h->fault == NULL ? *text == '\0' : strcmp(h->fault, text) == 0)
		return;
	free(h->fault);
	h->fault = *text != '\0' ? strdup(text) : NULL;
	if (*text != '\0')
		log_warn("history", "%s", text);
	h->ops->fault(h->arg, text);
}

/* ---- telling ---- */

static void
tell_journal(struct history *h, struct tracked *t)
{
	struct msg_journal	m = { .run = sv_from(t->run), .size = t->size, .over = t->over };

	if (history_send(h, MSG_JOURNAL, 0, &m) == 0)
		t->news = false;
}

static void
tell_all(struct history *h)
{
	struct tracked	*t;

	if (h->link != LINK_UP)
		return;
	TAILQ_FOREACH(t, &h->list, entry) {
		if (t->news)
			tell_journal(h, t);
	}
}

static void
on_tell(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell_all(arg);
}

bool
history_up(const struct history *h)
{
	return h->link == LINK_UP && peer_pending(h->peer) <= HISTORY_FULL;
}

int
history_send(struct history *h, enum msg_type type, uint32_t id, const void *msg)
{
	return history_up(h) ? peer_send(h->peer, type, id, msg) : -EPIPE;
}

int
history_send_encoded(struct history *h, enum msg_type type, uint32_t id, struct sv body)
{
	return history_up(h) ? msg_put_encoded(peer_buffer(h->peer), type, id, body) : -EPIPE;
}

static void
send_setup(struct history *h)
{
	struct msg_store_setup	m = { .version = MSG_VERSION,
	    .keep_ms = h->config->history_ms, .keep_runs = h->config->history_runs,
	    .keep_bytes = h->config->history_bytes,
	    .keep_user_bytes = h->config->user_history };

	(void)peer_send(h->peer, MSG_STORE_SETUP, 0, &m);
}

void
history_configure(struct history *h)
{
	if (h->peer != NULL)
		send_setup(h);
}

void
history_idle(struct history *h)
{
	struct msg_store_idle	m = { .has = 0 };

	(void)history_send(h, MSG_STORE_IDLE, 0, &m);
}

/* ---- journals ---- */

struct tracked *
history_track(struct history *h, const char *run)
{
	struct tracked	*t;

	if (h->state->fd == -1)
		return NULL;
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	memcpy(t->run, run, RUN_ID);
	TAILQ_INSERT_TAIL(&h->list, t, entry);
	return t;
}

void
history_grew(struct history *h, struct tracked *t, uint64_t size, bool over)
{
	struct timeval	soon = clock_timeval(HISTORY_TELL_MS);

	if (t->size == size && t->over == over)
		return;
	t->size = size;
	t->over = over;
	t->news = true;
	if (over && h->link == LINK_UP)
		tell_journal(h, t);
	else if (!event_pending(h->tell, EV_TIMEOUT, NULL))
		(void)event_add(h->tell, &soon);
}

void
history_drop(struct history *h, struct tracked *t)
{
	if (t == NULL)
		return;
	(void)unlinkat(h->state->journals, t->run, 0);
	TAILQ_REMOVE(&h->list, t, entry);
	free(t);
}

static void
on_stored(struct history *h, const struct msg_stored *m)
{
	struct tracked	*t;

	if (!m->over)
		return;
	TAILQ_FOREACH(t, &h->list, entry) {
		if (!sv_is(m->run, t->run))
			continue;
		if (t->over && t->size <= m->size)
			history_drop(h, t);
		return;
	}
}

/* ---- the link ---- */

static void
on_ready(struct history *h, const struct msg_store_ready *m)
{
	struct tracked	*t;

	if (m->version != MSG_VERSION) {
		set_fault(h, "paratest-store is of another version than paratestd");
		peer_finish(h->peer);
		return;
	}
	h->link = LINK_UP;
	h->up_since = now_ms();
	set_fault(h, "");	/* it says so again if it has one */
	TAILQ_FOREACH(t, &h->list, entry)
		t->news = t->size > 0;
	tell_all(h);
}

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct history	*h = arg;
	char		 text[1025];

	switch (type) {
	case MSG_STORE_READY:
		on_ready(h, &m->store_ready);
		return 0;
	case MSG_STORED:
		on_stored(h, &m->stored);
		return 0;
	case MSG_STORE_FAULT:
		(void)snprintf(text, sizeof text, SV_FMT, SV_ARG(m->store_fault.text));
		set_fault(h, text);
		return 0;
	default:
		h->ops->answer(h->arg, type, id, m);
		return 0;
	}
}

/* Its stream is over, and it lives on. */
static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct history	*h = arg;

	(void)fd;
	(void)what;
	if (h->pid == 0)
		return;
	log_warn("history", "the store does not end: it is killed");
	(void)kill(h->pid, SIGKILL);
}

/* Its process is reaped apart; until then no other is started. */
static void
on_gone(void *arg, int r, const char *why)
{
	struct history	*h = arg;
	struct timeval	 grace = clock_timeval(HISTORY_END_MS);

	if (r != 0)
		log_warn("history", "the store's stream: %s", why);
	peer_free(h->peer);
	h->peer = NULL;
	h->link = LINK_DOWN;
	h->ops->down(h->arg);
	if (h->pid != 0 && r != 0)
		(void)kill(h->pid, SIGKILL);	/* it speaks nonsense */
	if (h->pid == 0)
		arm_restart(h);
	else
		(void)event_add(h->end, &grace);
}

static const struct peer_ops store_ops = { .frame = on_frame, .gone = on_gone };

static void
on_exited(void *arg, int status)
{
	struct history	*h = arg;

	h->pid = 0;
	(void)event_del(h->end);
	if (!h->stopping)
		log_warn("history", "the store ended (status %#x)", (unsigned)status);
	if (h->peer == NULL)
		arm_restart(h);
}

static void
start(struct history *h)
{
	int	fd = -1, r;

	r = spawn_store(h->program, h->state->path, &h->pid, &fd);
	if (r == 0) {
		pool_guest(h->pool, h->pid, on_exited, h);
		h->peer = peer_new(h->base, h->peers, fd, MSG_DIR_D2S, &store_ops, h);
		if (h->peer == NULL)
			(void)close(fd);	/* it ends then */
	} else {
		h->pid = 0;
		log_warn("history", "cannot start the store: %s", strerror(-r));
	}
	if (h->peer == NULL) {
		if (h->pid == 0)
			arm_restart(h);
		return;
	}
	h->link = LINK_STARTING;
	send_setup(h);
}

static void
on_restart(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start(arg);
}

static void
arm_restart(struct history *h)
{
	struct timeval	tv;

	if (h->stopping)
		return;
	if (h->up_since != 0 && now_ms() - h->up_since > HISTORY_STEADY_MS)
		h->delay_ms = HISTORY_DELAY_MS;
	h->up_since = 0;	/* a start that fails is none that was up */
	if (!history_hopeful(h))
		set_fault(h, "the history is not written: paratest-store ends again and again");
	tv = clock_timeval(h->delay_ms);
	(void)event_add(h->restart, &tv);
	h->delay_ms = h->delay_ms * 2 < HISTORY_DELAY_MAX_MS ? h->delay_ms * 2 :
	    HISTORY_DELAY_MAX_MS;
}

/* ---- life ---- */

struct history *
history_new(struct event_base *base, struct peer_set *peers, const struct config *config,
    struct pool *pool, const struct state *state, const char *program,
    const struct history_ops *ops, void *arg)
{
	struct history	*h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	h->base = base;
	h->peers = peers;
	h->config = config;
	h->pool = pool;
	h->state = state;
	h->program = program;
	h->ops = ops;
	h->arg = arg;
	h->delay_ms = HISTORY_DELAY_MS;
	TAILQ_INIT(&h->list);
	h->restart = evtimer_new(base, on_restart, h);
	h->tell = evtimer_new(base, on_tell, h);
	h->end = evtimer_new(base, on_end, h);
	if (h->restart == NULL || h->tell == NULL || h->end == NULL) {
		history_free(h);
		return NULL;
	}
	if (state->fd != -1)
		start(h);
	return h;
}

void
history_free(struct history *h)
{
	struct tracked	*t;

	if (h == NULL)
		return;
	while ((t = TAILQ_FIRST(&h->list)) != NULL) {
		TAILQ_REMOVE(&h->list, t, entry);
		free(t);
	}
	if (h->restart != NULL)
		event_free(h->restart);
	if (h->tell != NULL)
		event_free(h->tell);
	if (h->end != NULL)
		event_free(h->end);
	if (h->peer != NULL)
		peer_free(h->peer);
	if (h->pid != 0)	/* it was waited for: what it had to do is in the journals */
		(void)kill(h->pid, SIGKILL);
	free(h->fault);
	free(h);
}

void
history_stop(struct history *h)
{
	if (h->stopping)
		return;
	h->stopping = true;
	(void)event_del(h->restart);
	tell_all(h);
	if (h->peer != NULL)
		peer_finish(h->peer);
}

bool
history_settled(const struct history *h)
{
	const struct tracked	*t;

	if (h->link != LINK_UP || h->fault != NULL)
		return true;
	TAILQ_FOREACH(t, &h->list, entry) {
		if (t->over)
			return false;
	}
	return true;
}

bool
history_gone(const struct history *h)
{
	return h->pid == 0;
}

bool
history_kept(const struct history *h)
{
	return h->state->fd != -1;
}

const char *
history_fault(const struct history *h)
{
	return h->fault;
}

bool
history_hopeful(const struct history *h)
{
	return h->state->fd != -1 && !h->stopping &&
	    (h->link != LINK_DOWN || h->delay_ms <= HISTORY_DELAY_MS * 4);
}

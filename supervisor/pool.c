/* The slots together: who gets what waits, time, the end; see pool.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "common/peer.h"
#include "supervisor/orphans.h"
#include "supervisor/pool.h"
#include "supervisor/slot.h"

#define POOL_TICK_MS	500

/* A job that waits for a worker to come up. */
struct waiting {
	TAILQ_ENTRY(waiting)	entry;
	struct pool_job		job;
	msec_t			since;
};

struct pool {
	struct slot_shop	 shop;
	const struct config	*config;
	const char		*scratch;
	const struct pool_ops	*ops;
	struct event		*tick, *soon;
	struct orphans		*orphans;
	struct slot		**slots;	/* numbers 1..nslots, never moved */
	unsigned		 nslots;
	TAILQ_HEAD(, waiting)	 queue;
	unsigned		 nqueue;
	msec_t			 tick_due;	/* 0: the timer is off */
	bool			 stopping;
};

static void	serve(struct pool *);

/* ---- the timers ---- */

static void
arm_tick(struct pool *p)
{
	struct timeval	tv = { 0, POOL_TICK_MS * 1000 };

	if (p->tick_due != 0)
		return;
	p->tick_due = now_ms() + POOL_TICK_MS;
	(void)event_add(p->tick, &tv);
}

/* Look at slots and queue again from the loop, after `ms`. */
static void
soon(struct pool *p, uint64_t ms)
{
	struct timeval	tv = clock_timeval(ms);

	if (!event_pending(p->soon, EV_TIMEOUT, NULL))
		(void)event_add(p->soon, &tv);
}

static struct slot *
add_slot(struct pool *p)
{
	struct slot	**v, *s;

	if (p->nslots >= p->config->max_jobs)
		return NULL;
	v = reallocarray(p->slots, p->nslots + 1, sizeof *v);
	if (v == NULL)
		return NULL;
	p->slots = v;
	s = slot_new(&p->shop, p->nslots + 1, p->scratch);
	if (s == NULL)
		return NULL;
	p->slots[p->nslots++] = s;
	return s;
}

void
pool_prepare(struct pool *p, unsigned n)
{
	msec_t		now = now_ms();
	unsigned	up = 0;

	if (p->stopping)
		return;
	arm_tick(p);
	for (unsigned i = 0; i < p->nslots; i++)
		up += p->slots[i]->fsm.state == SLOT_SPAWNING || p->slots[i]->fsm.state == SLOT_IDLE;
	for (unsigned i = 0; i < p->nslots && up < n; i++) {
		if (p->slots[i]->fsm.state != SLOT_DOWN)
			continue;
		up++;		/* comes up, now or after its delay */
		if (slot_may_spawn(&p->slots[i]->fsm, now))
			slot_spawn(p->slots[i]);
		else
			soon(p, p->slots[i]->fsm.not_before - now);
	}
	while (up < n) {
		struct slot	*s = add_slot(p);

		if (s == NULL)
			return;
		slot_spawn(s);
		up++;
	}
}

/* ---- attempts ---- */

static struct slot *
idle_slot(struct pool *p)
{
	for (unsigned i = 0; i < p->nslots; i++) {
		if (p->slots[i]->fsm.state == SLOT_IDLE && !p->slots[i]->peer_gone)
			return p->slots[i];
	}
	return NULL;
}

static void
unqueue(struct pool *p, struct waiting *w, enum pool_end end)
{
	struct pool_job		job = w->job;
	struct pool_over	over = { .end = end, .start_ms = wall_ms() };

	TAILQ_REMOVE(&p->queue, w, entry);
	p->nqueue--;
	free(w);
	p->ops->over(&job, &over);
}

/* Gives what waits to who is idle, and sees to it that enough are coming up. */
static void
serve(struct pool *p)
{
	struct pool_job	 job;
	struct waiting	*w;
	struct slot	*s;

	while ((w = TAILQ_FIRST(&p->queue)) != NULL && (s = idle_slot(p)) != NULL) {
		job = w->job;
		TAILQ_REMOVE(&p->queue, w, entry);
		p->nqueue--;
		free(w);
		slot_give(s, &job);
	}
	if (p->nqueue > 0)
		pool_prepare(p, p->nqueue);
}

int
pool_start(struct pool *p, const struct pool_job *job)
{
	struct slot	*s = TAILQ_EMPTY(&p->queue) ? idle_slot(p) : NULL;
	struct waiting	*w;

	if (s != NULL) {
		slot_give(s, job);
		return 0;
	}
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return -ENOMEM;
	w->job = *job;
	w->since = now_ms();
	TAILQ_INSERT_TAIL(&p->queue, w, entry);
	p->nqueue++;
	serve(p);
	return 0;
}

static struct slot *
slot_of(struct pool *p, const void *owner, uint32_t test)
{
	for (unsigned i = 0; i < p->nslots; i++) {
		struct slot	*s = p->slots[i];

		if (s->attempt_id != 0 && s->job.owner == owner && s->job.test == test)
			return s;
	}
	return NULL;
}

void
pool_abort(struct pool *p, const void *owner, uint32_t test, uint32_t attempt, bool kill_now,
    bool timeout)
{
	struct slot	*s = slot_of(p, owner, test);
	struct waiting	*w;

	if (s != NULL && s->job.attempt == attempt) {
		struct msg_abort	m = { .attempt_id = s->attempt_id, .kill = kill_now,
		    .timeout = timeout };
		msec_t			end = now_ms() + (kill_now ? 0 : s->job.grace_ms) +
		    p->config->worker_timeout_ms;

		if (end < s->deadline)
			s->deadline = end;
		if (s->peer != NULL)
			(void)peer_send(s->peer, MSG_ABORT, 0, &m);
		return;
	}
	TAILQ_FOREACH(w, &p->queue, entry) {
		if (w->job.owner == owner && w->job.test == test && w->job.attempt == attempt) {
			unqueue(p, w, POOL_UNSTARTED);
			return;
		}
	}
}

static bool
wants_follow(struct pool_job *job, const void *owner, uint32_t test)
{
	if (job->owner != owner || job->follow || (test != POOL_ALL && test != job->test))
		return false;
	job->follow = true;
	return true;
}

void
pool_follow(struct pool *p, const void *owner, uint32_t test)
{
	struct waiting	*w;

	for (unsigned i = 0; i < p->nslots; i++) {
		struct slot		*s = p->slots[i];
		struct msg_follow	 m = { .attempt_id = s->attempt_id, .on = true };

		if (s->attempt_id != 0 && wants_follow(&s->job, owner, test) && s->peer != NULL)
			(void)peer_send(s->peer, MSG_FOLLOW, 0, &m);
	}
	TAILQ_FOREACH(w, &p->queue, entry)
		(void)wants_follow(&w->job, owner, test);
}

/* ---- time ---- */

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct pool	*p = arg;
	msec_t		 now = now_ms();
	uint64_t	 lag = now > p->tick_due ? now - p->tick_due : 0;
	struct waiting	*w;
	bool		 any = false;

	(void)fd;
	(void)what;
	p->tick_due = 0;
	for (unsigned i = 0; i < p->nslots; i++) {
		slot_tick(p->slots[i], now, lag);
		any |= p->slots[i]->fsm.state != SLOT_DOWN;
	}
	/* What was queued in this very turn is younger than `now`. */
	while ((w = TAILQ_FIRST(&p->queue)) != NULL && now > w->since + SLOT_SPAWN_MS + lag)
		unqueue(p, w, POOL_LOST);
	serve(p);
	if (any || !TAILQ_EMPTY(&p->queue))
		arm_tick(p);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct pool	*p = arg;

	(void)fd;
	(void)what;
	pool_reap(p);
	serve(p);
}

static void
on_exit_of(void *arg, pid_t pid, int status)
{
	struct pool	*p = arg;

	for (unsigned i = 0; i < p->nslots; i++) {
		struct slot	*s = p->slots[i];

		if (s->pid != pid)
			continue;
		slot_exited(s, status);
		return;
	}
}

/* Is this child of ours a worker?  Everything else was left by a dead one. */
static bool
is_worker(void *arg, pid_t pid)
{
	struct pool	*p = arg;

	for (unsigned i = 0; i < p->nslots; i++) {
		if (p->slots[i]->pid == pid)
			return true;
	}
	return false;
}

void
pool_reap(struct pool *p)
{
	orphans_reap(p->orphans);
	serve(p);
}

void
pool_stop(struct pool *p, bool kill_now)
{
	p->stopping = true;
	for (unsigned i = 0; i < p->nslots; i++) {
		if (kill_now)
			slot_kill(p->slots[i]);
		else
			slot_event(p->slots[i], SIN_RETIRE);
	}
}

bool
pool_empty(const struct pool *p)
{
	for (unsigned i = 0; i < p->nslots; i++) {
		if (p->slots[i]->pid != 0)
			return false;
	}
	return orphans_none(p->orphans);
}

static void
on_idle(void *arg)
{
	serve(arg);
}

static void
on_stream_gone(void *arg)
{
	soon(arg, 0);
}

/* ---- on show ---- */

void
pool_count(const struct pool *p, struct pool_count *ret)
{
	memset(ret, 0, sizeof *ret);
	for (unsigned i = 0; i < p->nslots; i++) {
		const struct slot	*s = p->slots[i];

		ret->total += s->pid != 0;
		ret->busy += s->fsm.state == SLOT_BUSY;
		ret->idle += s->fsm.state == SLOT_IDLE;
		ret->replaced += s->replaced;
		ret->completed += s->completed;
	}
}

int
pool_row(const struct pool *p, unsigned i, struct msg_worker_row *ret,
    const struct pool_job **ret_job)
{
	const struct slot	*s;

	if (i >= p->nslots)
		return -ENOENT;
	s = p->slots[i];
	*ret = (struct msg_worker_row){ .slot = s->number, .pid = (uint64_t)s->pid,
	    .state = sv_from(slot_state_name(s->fsm.state)), .completed = s->completed,
	    .replaced = s->replaced, .host = sv_from(s->host),
	    .isolation = sv_from(s->isolation), .busy_us = s->busy_us };
	*ret_job = s->attempt_id != 0 ? &s->job : NULL;
	if (s->attempt_id != 0)
		ret->age_us = now_us() - s->started_us;
	return 0;
}

struct pool *
pool_new(struct event_base *base, struct peer_set *peers, const struct config *config,
    const char *program, const char *scratch, const struct pool_ops *ops)
{
	struct pool	*p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->shop = (struct slot_shop){ .base = base, .peers = peers, .config = config,
	    .program = program, .ops = ops, .idle = on_idle, .gone = on_stream_gone, .arg = p };
	p->config = config;
	p->scratch = scratch;
	p->ops = ops;
	TAILQ_INIT(&p->queue);
	p->tick = evtimer_new(base, on_tick, p);
	p->soon = evtimer_new(base, on_soon, p);
	p->orphans = orphans_new(base, on_exit_of, is_worker, p);
	if (p->tick == NULL || p->soon == NULL || p->orphans == NULL) {
		pool_free(p);
		return NULL;
	}
	return p;
}

void
pool_free(struct pool *p)
{
	struct waiting	*w;

	if (p == NULL)
		return;
	while ((w = TAILQ_FIRST(&p->queue)) != NULL) {
		TAILQ_REMOVE(&p->queue, w, entry);
		free(w);
	}
	for (unsigned i = 0; i < p->nslots; i++)
		slot_free(p->slots[i]);
	free(p->slots);
	if (p->tick != NULL)
		event_free(p->tick);
	if (p->soon != NULL)
		event_free(p->soon);
	orphans_free(p->orphans);
	free(p);
}

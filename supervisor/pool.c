/* The slots together: who gets what waits, time, the end; see pool.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <event2/event.h>

#include "common/identity.h"
#include "common/log.h"
#include "common/peer.h"
#include "supervisor/orphans.h"
#include "supervisor/pool_int.h"
#include "supervisor/removers.h"

#define POOL_TICK_MS	500

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
void
pool_soon(struct pool *p, uint64_t ms)
{
	struct timeval	tv = clock_timeval(ms);

	if (!event_pending(p->soon, EV_TIMEOUT, NULL))
		(void)event_add(p->soon, &tv);
}

/* ---- attempts ---- */

void
pool_prepare(struct pool *p, const struct pool_kind *kind, unsigned n)
{
	if (p->stopping)
		return;
	arm_tick(p);
	p->pass++;
	while (n-- > 0)
		pool_want(p, kind);
}

static void
give(struct slot *s, const struct pool_job *job)
{
	if (job->shared)
		s->holder = job->owner;
	slot_give(s, job);
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

/* The worker of this slot could not become its user, who cannot have another: nothing
 * that waits for one waits any longer.  What is given again meanwhile is tried again. */
static void
fail_waiting(struct pool *p, struct slot *s)
{
	TAILQ_HEAD(, waiting)	 failed = TAILQ_HEAD_INITIALIZER(failed);
	struct pool_over	 over = { .end = POOL_LOST, .start_ms = wall_ms() };
	char			 why[sizeof s->why];
	struct pool_job		 job;
	struct waiting		*w, *next;

	memcpy(why, s->why, sizeof why);
	s->why[0] = '\0';
	over.why = why;
	for (w = TAILQ_FIRST(&p->queue); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (!slot_suits(s, &w->job.kind))
			continue;
		TAILQ_REMOVE(&p->queue, w, entry);
		p->nqueue--;
		TAILQ_INSERT_TAIL(&failed, w, entry);
	}
	while ((w = TAILQ_FIRST(&failed)) != NULL) {
		TAILQ_REMOVE(&failed, w, entry);
		job = w->job;
		free(w);
		p->ops->over(&job, &over);
	}
}

static void
look_for_failures(struct pool *p)
{
	for (unsigned i = 0; p->shop.as_users && i < p->nslots; i++) {
		if (p->slots[i]->why[0] != '\0' && p->slots[i]->fsm.state == SLOT_DOWN)
			fail_waiting(p, p->slots[i]);
	}
}

/* Gives what waits to who is idle, and sees to it that enough are coming up. */
static void
serve(struct pool *p)
{
	struct pool_job	 job;
	struct waiting	*w, *next;
	struct slot	*s;

	p->pass++;
	for (w = TAILQ_FIRST(&p->queue); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		s = pool_idle_slot(p, &w->job);
		if (s != NULL) {
			job = w->job;
			TAILQ_REMOVE(&p->queue, w, entry);
			p->nqueue--;
			free(w);
			give(s, &job);
			continue;
		}
		if (p->stopping)
			continue;
		arm_tick(p);
		s = w->job.shared ? pool_held_slot(p, w->job.owner) : NULL;
		if (s == NULL)
			pool_want(p, &w->job.kind);
		else if (s->fsm.state == SLOT_DOWN)
			pool_bring_up(p, s, now_ms());
	}
}

int
pool_start(struct pool *p, const struct pool_job *job)
{
	struct slot	*s = TAILQ_EMPTY(&p->queue) ? pool_idle_slot(p, job) : NULL;
	struct waiting	*w;

	if (p->shop.as_users != (job->kind.who != NULL))
		return -EPERM;
	if (s != NULL) {
		give(s, job);
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

/* ---- folders ---- */

/* What cannot be removed now goes with the scratch folder that it is in. */
void
pool_forget(struct pool *p, const void *owner, const struct identity *who, const char *run)
{
	struct slot	*held = owner != NULL ? pool_held_slot(p, owner) : NULL;
	char		*dir = NULL;
	struct stat	 st;
	int		 n = who != NULL ? asprintf(&dir, "%s/" POOL_USER "%u/" POOL_SHARED "%s",
	    p->scratch, (unsigned)who->uid, run) :
	    asprintf(&dir, "%s/" POOL_SHARED "%s", p->scratch, run);

	if (held != NULL)
		held->holder = NULL;
	if (n < 0)
		log_warn("pool", "what run %.8s shared is left: no memory", run);
	else if (who != NULL || lstat(dir, &st) == 0)	/* else no test has run */
		removers_add(p->removers, dir, who);
	if (n >= 0)
		free(dir);
}

void
pool_remove(struct pool *p, const char *dir, const struct identity *who)
{
	removers_add(p->removers, dir, who);
}

/* A worker that did not end as it should has left its folder. */
static void
on_worker_exit(struct pool *p, struct slot *s, int status)
{
	slot_exited(s, status);
	if (p->shop.as_users && status != 0 && s->scratch != NULL)
		removers_add(p->removers, s->scratch, s->who);
}

static void
on_exit_of(void *arg, pid_t pid, int status)
{
	struct pool	*p = arg;

	if (removers_exited(p->removers, pid))
		return;
	if (pid == p->guest) {
		p->guest = 0;
		p->guest_exited(p->guest_arg, status);
		return;
	}
	for (unsigned i = 0; i < p->nslots; i++) {
		struct slot	*s = p->slots[i];

		if (s->pid != pid)
			continue;
		on_worker_exit(p, s, status);
		return;
	}
}

/* Is this child ours to keep?  Everything else was left by a dead worker. */
static bool
is_known(void *arg, pid_t pid)
{
	struct pool	*p = arg;

	if (pid == p->guest || removers_known(p->removers, pid))
		return true;
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
	look_for_failures(p);
	serve(p);
}

void
pool_guest(struct pool *p, pid_t pid, void (*exited)(void *arg, int status), void *arg)
{
	p->guest = pid;
	p->guest_exited = exited;
	p->guest_arg = arg;
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
	return removers_none(p->removers) && orphans_none(p->orphans);
}

static void
on_idle(void *arg)
{
	serve(arg);
}

static void
on_stream_gone(void *arg)
{
	pool_soon(arg, 0);
}

/* ---- on show ---- */

/* Is it one that `uid` may know of? */
static bool
is_on_show(const struct slot *s, uid_t uid)
{
	return uid == 0 || s->who == NULL || s->who->uid == uid;
}

void
pool_count(const struct pool *p, uid_t uid, struct pool_count *ret)
{
	memset(ret, 0, sizeof *ret);
	for (unsigned i = 0; i < p->nslots; i++) {
		const struct slot	*s = p->slots[i];

		if (!is_on_show(s, uid))
			continue;
		ret->total += s->pid != 0;
		ret->busy += s->fsm.state == SLOT_BUSY;
		ret->idle += s->fsm.state == SLOT_IDLE;
		ret->replaced += s->replaced - (uid != 0 ? s->before.replaced : 0);
		ret->completed += s->completed - (uid != 0 ? s->before.completed : 0);
	}
}

int
pool_row(const struct pool *p, uid_t uid, unsigned *i, struct msg_worker_row *ret,
    const struct pool_job **ret_job)
{
	const struct slot	*s;

	while (*i < p->nslots && !is_on_show(p->slots[*i], uid))
		(*i)++;
	if (*i >= p->nslots)
		return -ENOENT;
	s = p->slots[(*i)++];
	*ret = (struct msg_worker_row){ .slot = s->number, .pid = (uint64_t)s->pid,
	    .state = sv_from(slot_state_name(s->fsm.state)), .completed = s->completed,
	    .replaced = s->replaced, .host = sv_from(s->host),
	    .isolation = sv_from(slot_isolation(s)), .busy_us = s->busy_us };
	if (uid != 0) {
		ret->completed -= s->before.completed;
		ret->replaced -= s->before.replaced;
		ret->busy_us -= s->before.busy_us;
	}
	*ret_job = s->attempt_id != 0 ? &s->job : NULL;
	if (s->attempt_id != 0) {
		ret->age_us = now_us() - s->started_us;
		ret->cpu_us = s->cpu_us;
		ret->memory = s->memory;
	}
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
	    .program = program, .shared = scratch, .ops = ops, .idle = on_idle,
	    .gone = on_stream_gone, .arg = p };
	p->config = config;
	p->scratch = scratch;
	p->ops = ops;
	TAILQ_INIT(&p->queue);
	p->tick = evtimer_new(base, on_tick, p);
	p->soon = evtimer_new(base, on_soon, p);
	p->orphans = orphans_new(base, on_exit_of, is_known, p);
	p->removers = removers_new(program);
	if (p->tick == NULL || p->soon == NULL || p->orphans == NULL || p->removers == NULL) {
		pool_free(p);
		return NULL;
	}
	return p;
}

void
pool_act_for_users(struct pool *p)
{
	p->shop.as_users = true;
}

void
pool_use_groups(struct pool *p, struct cgroup *g)
{
	p->shop.cgroup = g;
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
	removers_free(p->removers);
	free(p);
}

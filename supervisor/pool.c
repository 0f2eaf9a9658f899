/* Worker slots around policy/slot_fsm; see pool.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "common/fdutil.h"
#include "common/log.h"
#include "common/peer.h"
#include "common/proctree.h"
#include "supervisor/orphans.h"
#include "supervisor/policy/slot_fsm.h"
#include "supervisor/pool.h"
#include "supervisor/spawn.h"

#define POOL_TICK_MS	500
#define POOL_KILL_ROUNDS 4	/* walks of a dying worker's tree */

/* A job that waits for a worker to come up. */
struct waiting {
	TAILQ_ENTRY(waiting)	entry;
	struct pool_job		job;
	msec_t			since;
};

struct slot {
	struct pool	*pool;
	unsigned	 number;	/* from 1 */
	struct slot_fsm	 fsm;
	struct peer	*peer;		/* NULL: no process, or its stream is over */
	bool		 peer_gone;	/* free it after the turn */
	pid_t		 pid;		/* 0: none */
	char		*scratch;	/* owned: the folder of this slot */
	char		 host[65], isolation[16];
	uint64_t	 context;	/* the last one that was sent */
	struct pool_job	 job;		/* while fsm.has_attempt */
	uint64_t	 attempt_id;
	uint64_t	 started_us, started_wall_ms;
	msec_t		 deadline;	/* backstop of the attempt, SLOT_NEVER: none */
	uint64_t	 completed, replaced, busy_us;
};

struct pool {
	struct event_base	*base;
	struct peer_set		*peers;
	const struct config	*config;
	const char		*program, *scratch;
	const struct pool_ops	*ops;
	struct event		*tick, *soon;
	struct orphans		*orphans;
	struct slot		**slots;	/* numbers 1..nslots, never moved */
	unsigned		 nslots;
	TAILQ_HEAD(, waiting)	 queue;
	unsigned		 nqueue;
	uint64_t		 next_attempt;
	msec_t			 tick_due;	/* 0: the timer is off */
	bool			 stopping;
};

static void	slot_event(struct slot *, enum slot_in);
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
	struct timeval	tv = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };

	if (!event_pending(p->soon, EV_TIMEOUT, NULL))
		(void)event_add(p->soon, &tv);
}

/* ---- what slot_fsm asks for ---- */

static void
lose_attempt(struct slot *s)
{
	struct pool_job	 job = s->job;
	struct pool_over over = { .end = POOL_LOST, .slot = s->number, .host = s->host,
	    .isolation = s->isolation, .start_ms = s->started_wall_ms,
	    .elapsed_us = now_us() - s->started_us };

	memset(&s->job, 0, sizeof s->job);
	s->attempt_id = 0;
	s->pool->ops->over(&job, &over);
}

/* Stopped first, so that it starts nothing while its tree is killed; what is left
 * comes to us as orphans. */
static void
kill_worker(struct slot *s)
{
	if (s->pid == 0)
		return;
	(void)kill(s->pid, SIGSTOP);
	for (int i = 0; i < POOL_KILL_ROUNDS && proctree_kill(s->pid, SIGKILL) > 0; i++)
		;
	(void)kill(s->pid, SIGKILL);
}

static void
perform(struct slot *s, const struct slot_out *out)
{
	struct msg_retire	retire = { 0 };

	if (out->acts & SACT_KILL)
		kill_worker(s);
	if (out->acts & SACT_SEND_RETIRE && s->peer != NULL)
		(void)peer_send(s->peer, MSG_RETIRE, 0, &retire);
	if (out->acts & SACT_REPLACED)
		s->replaced++;
	if (out->acts & SACT_LOST) {
		log_warn("pool", "worker %u lost its attempt", s->number);
		lose_attempt(s);
	}
}

static void
slot_event_lag(struct slot *s, enum slot_in in, uint64_t lag)
{
	struct slot_out	out;

	slot_step(&s->fsm, now_ms(), lag, in, &out);
	perform(s, &out);
}

static void
slot_event(struct slot *s, enum slot_in in)
{
	slot_event_lag(s, in, 0);
}

/* ---- frames of a worker ---- */

static int
on_ready(struct slot *s, const struct msg_ready *m)
{
	struct msg_config	config = { .version = MSG_VERSION,
	    .heartbeat_ms = SLOT_HEARTBEAT_MS, .lease_ms = s->pool->config->lease_ms };

	if (m->version != MSG_VERSION) {
		log_warn("pool", "worker %u speaks version %llu, not %d: is %s of another build?",
		    s->number, (unsigned long long)m->version, MSG_VERSION, s->pool->program);
		return -EBADMSG;
	}
	(void)snprintf(s->host, sizeof s->host, SV_FMT, SV_ARG(m->host));
	(void)snprintf(s->isolation, sizeof s->isolation, SV_FMT, SV_ARG(m->isolation));
	(void)peer_send(s->peer, MSG_CONFIG, 0, &config);
	slot_event(s, SIN_READY);
	serve(s->pool);
	return 0;
}

static int
on_done(struct slot *s, const struct msg_attempt_done *m)
{
	struct pool_job	 job = s->job;
	struct pool_over over = { .end = POOL_DONE, .slot = s->number, .host = s->host,
	    .isolation = s->isolation, .done = m, .elapsed_us = m->elapsed_us };

	if (s->attempt_id == 0 || m->attempt_id != s->attempt_id)
		return -EBADMSG;
	s->attempt_id = 0;
	s->completed++;
	s->busy_us += m->elapsed_us;
	memset(&s->job, 0, sizeof s->job);
	slot_event(s, SIN_DONE);
	s->pool->ops->over(&job, &over);
	return 0;
}

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct slot	*s = arg;

	(void)id;
	if (s->fsm.state == SLOT_KILLED)
		return 0;	/* its words count no more */
	slot_event(s, SIN_HEARD);
	switch (type) {
	case MSG_READY:
		return on_ready(s, &m->ready);
	case MSG_HEARTBEAT:
		return 0;
	case MSG_OUTPUT:
		if (s->attempt_id == 0 || m->output.attempt_id != s->attempt_id ||
		    m->output.stream < 1 || m->output.stream > 2)
			return -EBADMSG;
		s->pool->ops->output(&s->job, (unsigned)m->output.stream, m->output.data,
		    m->output.live);
		return 0;
	case MSG_ATTEMPT_DONE:
		return on_done(s, &m->attempt_done);
	case MSG_LOG:
		log_info("worker", "%u: " SV_FMT, s->number, SV_ARG(m->log.text));
		return 0;
	default:
		return -EBADMSG;
	}
}

static void
on_gone(void *arg, int r, const char *why)
{
	struct slot	*s = arg;

	if (r != 0 && s->fsm.state != SLOT_KILLED)
		log_warn("pool", "worker %u: %s", s->number, why);
	s->peer_gone = true;	/* freed by its exit: this is its own call */
	slot_event(s, SIN_BAD);
	soon(s->pool, 0);
}

static const struct peer_ops worker_ops = { .frame = on_frame, .gone = on_gone };

/* ---- processes ---- */

static void
start_process(struct slot *s)
{
	struct pool	*p = s->pool;
	int		 fd = -1, r;

	r = spawn_worker(p->program, s->scratch, &s->pid, &fd);
	if (r == 0) {
		peer_free(s->peer);
		s->peer_gone = false;
		s->context = 0;
		s->peer = peer_new(p->base, p->peers, fd, MSG_DIR_W2S, &worker_ops, s);
		if (s->peer == NULL) {
			fd_close(&fd);
			(void)kill(s->pid, SIGKILL);
		}
		slot_event(s, SIN_SPAWNED);
	} else {
		log_warn("pool", "cannot start %s: %s", p->program, strerror(-r));
		s->pid = 0;
		slot_event(s, SIN_SPAWN_FAILED);
	}
	arm_tick(p);
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
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	if (asprintf(&s->scratch, "%s/%u", p->scratch, p->nslots + 1) < 0) {
		free(s);
		return NULL;
	}
	s->pool = p;
	s->number = p->nslots + 1;
	s->deadline = SLOT_NEVER;
	slot_init(&s->fsm);
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
	for (unsigned i = 0; i < p->nslots; i++)
		up += p->slots[i]->fsm.state == SLOT_SPAWNING || p->slots[i]->fsm.state == SLOT_IDLE;
	for (unsigned i = 0; i < p->nslots && up < n; i++) {
		if (p->slots[i]->fsm.state != SLOT_DOWN)
			continue;
		up++;		/* comes up, now or after its delay */
		if (slot_may_spawn(&p->slots[i]->fsm, now))
			start_process(p->slots[i]);
		else
			soon(p, p->slots[i]->fsm.not_before - now);
	}
	while (up < n) {
		struct slot	*s = add_slot(p);

		if (s == NULL)
			return;
		start_process(s);
		up++;
	}
}

/* ---- attempts ---- */

static void
hand_over(struct slot *s, const struct pool_job *job)
{
	struct msg_attempt	m = { .spec = job->spec, .number = job->attempt,
	    .slot = s->number, .context = job->context->context,
	    .timeout_ms = job->timeout_ms, .grace_ms = job->grace_ms,
	    .follow = job->follow, .output_limit = job->output_limit };
	int			r = 0;

	s->job = *job;
	s->attempt_id = m.attempt_id = ++s->pool->next_attempt;
	s->started_us = now_us();
	s->started_wall_ms = wall_ms();
	s->deadline = job->limit_ms != 0 ? s->started_us / 1000 + job->limit_ms +
	    s->pool->config->worker_timeout_ms : SLOT_NEVER;
	slot_event(s, SIN_GIVEN);
	s->pool->ops->starting(job, s->number);
	if (s->context != job->context->context) {
		r = peer_send(s->peer, MSG_CONTEXT, 0, job->context);
		s->context = job->context->context;
	}
	if (r == 0)
		r = peer_send(s->peer, MSG_ATTEMPT, 0, &m);
	if (r != 0) {
		log_warn("pool", "worker %u: an attempt could not be sent: %s", s->number,
		    strerror(-r));
		slot_event(s, SIN_BAD);
	}
}

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
		hand_over(s, &job);
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
		hand_over(s, job);
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
tick_slot(struct pool *p, struct slot *s, msec_t now, uint64_t lag)
{
	struct msg_beat	beat = { 0 };

	slot_event_lag(s, SIN_TICK, lag);
	if (s->fsm.state == SLOT_KILLED)
		kill_worker(s);		/* until it is gone */
	if (s->attempt_id != 0 && now > s->deadline + lag) {
		log_warn("pool", "worker %u is far past its attempt's end", s->number);
		slot_event(s, SIN_BAD);
	}
	if (s->peer != NULL && s->pid != 0 && s->fsm.state != SLOT_KILLED)
		(void)peer_send(s->peer, MSG_BEAT, 0, &beat);
	if (s->fsm.state == SLOT_IDLE && now > s->fsm.since + p->config->worker_idle_ms)
		slot_event(s, SIN_RETIRE);
}

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
		tick_slot(p, p->slots[i], now, lag);
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
		if (s->fsm.state != SLOT_RETIRING && s->fsm.state != SLOT_KILLED)
			log_warn("pool", "worker %u (pid %d) ended: status %d", s->number,
			    (int)pid, status);
		s->pid = 0;
		peer_free(s->peer);
		s->peer = NULL;
		s->peer_gone = false;
		slot_event(s, SIN_EXIT);
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
			kill_worker(p->slots[i]);
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
	p->base = base;
	p->peers = peers;
	p->config = config;
	p->program = program;
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
	for (unsigned i = 0; i < p->nslots; i++) {
		peer_free(p->slots[i]->peer);
		free(p->slots[i]->scratch);
		free(p->slots[i]);
	}
	free(p->slots);
	if (p->tick != NULL)
		event_free(p->tick);
	if (p->soon != NULL)
		event_free(p->soon);
	orphans_free(p->orphans);
	free(p);
}

/* One slot: its worker's process, stream and attempt; see slot.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fdutil.h"
#include "common/log.h"
#include "common/peer.h"
#include "common/proctree.h"
#include "supervisor/slot.h"
#include "supervisor/spawn.h"

#define SLOT_KILL_ROUNDS 4	/* walks of a dying worker's tree */

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
	s->shop->ops->over(&job, &over);
}

/* Stopped first, so that it starts nothing while its tree is killed; what is left
 * comes to us as orphans. */
void
slot_kill(struct slot *s)
{
	if (s->pid == 0)
		return;
	(void)kill(s->pid, SIGSTOP);
	for (int i = 0; i < SLOT_KILL_ROUNDS && proctree_kill(s->pid, SIGKILL) > 0; i++)
		;
	(void)kill(s->pid, SIGKILL);
}

static void
perform(struct slot *s, const struct slot_out *out)
{
	struct msg_retire	retire = { 0 };

	if (out->acts & SACT_KILL)
		slot_kill(s);
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
event_lag(struct slot *s, enum slot_in in, uint64_t lag)
{
	struct slot_out	out;

	slot_step(&s->fsm, now_ms(), lag, in, &out);
	perform(s, &out);
}

void
slot_event(struct slot *s, enum slot_in in)
{
	event_lag(s, in, 0);
}

/* ---- frames of a worker ---- */

static int
on_ready(struct slot *s, const struct msg_ready *m)
{
	struct msg_config	config = { .version = MSG_VERSION,
	    .heartbeat_ms = SLOT_HEARTBEAT_MS, .lease_ms = s->shop->config->lease_ms };

	if (m->version != MSG_VERSION) {
		log_warn("pool", "worker %u speaks version %llu, not %d: is %s of another build?",
		    s->number, (unsigned long long)m->version, MSG_VERSION, s->shop->program);
		return -EBADMSG;
	}
	(void)snprintf(s->host, sizeof s->host, SV_FMT, SV_ARG(m->host));
	(void)snprintf(s->isolation, sizeof s->isolation, SV_FMT, SV_ARG(m->isolation));
	(void)peer_send(s->peer, MSG_CONFIG, 0, &config);
	slot_event(s, SIN_READY);
	s->shop->idle(s->shop->arg);
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
	s->shop->ops->over(&job, &over);
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
		s->shop->ops->output(&s->job, (unsigned)m->output.stream, m->output.data,
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
	s->shop->gone(s->shop->arg);
}

static const struct peer_ops worker_ops = { .frame = on_frame, .gone = on_gone };

/* ---- processes ---- */

void
slot_spawn(struct slot *s)
{
	struct slot_shop	*p = s->shop;
	int			 fd = -1, r;

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
}

/* ---- attempts ---- */

void
slot_give(struct slot *s, const struct pool_job *job)
{
	struct msg_attempt	m = { .spec = job->spec, .number = job->attempt,
	    .slot = s->number, .context = job->context->context,
	    .timeout_ms = job->timeout_ms, .grace_ms = job->grace_ms,
	    .follow = job->follow, .output_limit = job->output_limit };
	int			r = 0;

	s->job = *job;
	s->attempt_id = m.attempt_id = ++s->shop->next_attempt;
	s->started_us = now_us();
	s->started_wall_ms = wall_ms();
	s->deadline = job->limit_ms != 0 ? s->started_us / 1000 + job->limit_ms +
	    s->shop->config->worker_timeout_ms : SLOT_NEVER;
	slot_event(s, SIN_GIVEN);
	s->shop->ops->starting(job, s->number);
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

/* ---- time ---- */

void
slot_tick(struct slot *s, msec_t now, uint64_t lag)
{
	struct msg_beat	beat = { 0 };

	event_lag(s, SIN_TICK, lag);
	if (s->fsm.state == SLOT_KILLED)
		slot_kill(s);		/* until it is gone */
	if (s->attempt_id != 0 && now > s->deadline + lag) {
		log_warn("pool", "worker %u is far past its attempt's end", s->number);
		slot_event(s, SIN_BAD);
	}
	if (s->peer != NULL && s->pid != 0 && s->fsm.state != SLOT_KILLED)
		(void)peer_send(s->peer, MSG_BEAT, 0, &beat);
	if (s->fsm.state == SLOT_IDLE && now > s->fsm.since + s->shop->config->worker_idle_ms)
		slot_event(s, SIN_RETIRE);
}

void
slot_exited(struct slot *s, int status)
{
	if (s->fsm.state != SLOT_RETIRING && s->fsm.state != SLOT_KILLED)
		log_warn("pool", "worker %u (pid %d) ended: status %d", s->number,
		    (int)s->pid, status);
	s->pid = 0;
	peer_free(s->peer);
	s->peer = NULL;
	s->peer_gone = false;
	slot_event(s, SIN_EXIT);
}

struct slot *
slot_new(struct slot_shop *shop, unsigned number, const char *scratch)
{
	struct slot	*s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	if (asprintf(&s->scratch, "%s/%u", scratch, number) < 0) {
		free(s);
		return NULL;
	}
	s->shop = shop;
	s->number = number;
	s->deadline = SLOT_NEVER;
	slot_init(&s->fsm);
	return s;
}

void
slot_free(struct slot *s)
{
	if (s == NULL)
		return;
	peer_free(s->peer);
	free(s->scratch);
	free(s);
}

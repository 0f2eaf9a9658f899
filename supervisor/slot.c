/* One slot: its worker's process, stream and attempt; see slot.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/fdutil.h"
#include "common/identity.h"
#include "common/log.h"
#include "common/peer.h"
#include "common/privilege.h"
#include "common/proctree.h"
#include "supervisor/cgroup.h"
#include "supervisor/slot.h"
#include "supervisor/spawn.h"

#define SLOT_KILL_ROUNDS 4	/* walks of a dying worker's tree */

#define slot_warn(s, ...)	log_about((struct log_subject []){ subject(s) }, LOG_LEVEL_WARN, \
	    "pool", __VA_ARGS__)

/* What is known of what goes on in it. */
static struct log_subject
subject(const struct slot *s)
{
	struct log_subject	about = { .worker = s->number };

	if (s->who != NULL) {
		about.has_uid = true;
		about.uid = s->who->uid;
	}
	if (s->attempt_id != 0)
		s->shop->ops->subject(&s->job, &about);
	return about;
}

/* Groups of version 1 are only for those attempts that need them. */
const char *
slot_isolation(const struct slot *s)
{
	return s->grouped && strcmp(s->isolation, "sandbox") != 0 ? "cgroup" : s->isolation;
}

/* ---- what slot_fsm asks for ---- */

static void
lose_attempt(struct slot *s)
{
	struct pool_job	 job = s->job;
	struct pool_over over = { .end = POOL_LOST, .slot = s->number, .host = s->host,
	    .isolation = slot_isolation(s), .start_ms = s->started_wall_ms,
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
	cgroup_kill(s->shop->cgroup, s->number);
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
		slot_warn(s, "worker %u lost its attempt", s->number);
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
	enum isolation		reached;

	if (m->version != MSG_VERSION) {
		slot_warn(s, "worker %u speaks version %llu, not %d: is %s of another build?",
		    s->number, (unsigned long long)m->version, MSG_VERSION, s->shop->program);
		return -EBADMSG;
	}
	if (isolation_level_of(m->isolation, &reached) != 0 || reached < s->want.level) {
		slot_warn(s, "worker %u is not kept apart as far as it should be", s->number);
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
	    .isolation = slot_isolation(s), .done = m, .elapsed_us = m->elapsed_us };

	if (s->attempt_id == 0 || m->attempt_id != s->attempt_id)
		return -EBADMSG;
	s->attempt_id = 0;
	s->completed++;
	s->busy_us += m->elapsed_us;
	memset(&s->job, 0, sizeof s->job);
	slot_event(s, SIN_DONE);
	/* Nobody's attempt is to be lost with it: it says so, and waits for the answer. */
	if (m->leaving)
		slot_event(s, SIN_RETIRE);
	s->shop->ops->over(&job, &over);
	return 0;
}

/* The words of somebody else: one line, whatever is in them.  Those of one that is not
 * ready say why it will not be. */
static void
on_log(struct slot *s, const struct msg_log *m)
{
	char	line[sizeof s->why];
	bool	known = m->level >= LOG_LEVEL_ERROR && m->level <= LOG_LEVEL_DEBUG;

	(void)snprintf(line, sizeof line, SV_FMT, SV_ARG(m->text));
	for (char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	log_about((struct log_subject []){ subject(s) }, known ? (enum log_level)m->level :
	    LOG_LEVEL_INFO, "worker", "%u: %s", s->number, line);
	if (s->fsm.state == SLOT_SPAWNING)
		(void)snprintf(s->why, sizeof s->why, "%s", line);
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
		if (s->attempt_id != 0 && m->heartbeat.attempt_id == s->attempt_id) {
			s->cpu_us = m->heartbeat.cpu_us;
			s->memory = m->heartbeat.memory;
		}
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
		on_log(s, &m->log);
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
		slot_warn(s, "worker %u: %s", s->number, why);
	s->peer_gone = true;	/* freed by its exit: this is its own call */
	slot_event(s, SIN_BAD);
	s->shop->gone(s->shop->arg);
}

static const struct peer_ops worker_ops = { .frame = on_frame, .gone = on_gone };

/* ---- processes ---- */

bool
slot_suits(const struct slot *s, const struct pool_kind *kind)
{
	return identity_equal(s->who, kind->who) && isolation_equal(&s->want, &kind->isolation);
}

/* No user's delays after a failure are another's. */
int
slot_assign(struct slot *s, const struct pool_kind *kind)
{
	struct identity	*copy;

	if (slot_suits(s, kind))
		return 0;
	copy = kind->who != NULL ? identity_dup(kind->who) : NULL;
	if (kind->who != NULL && copy == NULL)
		return -ENOMEM;
	free(s->who);
	s->who = copy;
	s->want = kind->isolation;
	s->why[0] = '\0';
	slot_init(&s->fsm);
	return 0;
}

/* A folder of its own for the next worker of a user, in one that only he can use. */
static int
take_folder(struct slot *s)
{
	struct slot_shop	*p = s->shop;

	if (!p->as_users)
		return 0;
	if (s->who == NULL)
		return -EPERM;
	free(s->home);
	free(s->scratch);
	s->home = s->scratch = NULL;
	if (asprintf(&s->home, "%s/" POOL_USER "%u", p->shared, (unsigned)s->who->uid) < 0) {
		s->home = NULL;
		return -ENOMEM;
	}
	if (asprintf(&s->scratch, "%s/s.%u.%llu", s->home, s->number,
	    (unsigned long long)++p->serial) < 0) {
		s->scratch = NULL;
		return -ENOMEM;
	}
	return privilege_folder(s->home, s->who);
}

void
slot_spawn(struct slot *s)
{
	struct slot_shop	*p = s->shop;
	struct spawn_worker	 w = { .as = s->who, .isolation = s->want };
	char			 why[SPAWN_WHY] = "";
	int			 fd = -1, r;

	s->why[0] = '\0';
	r = take_folder(s);
	w.scratch = s->scratch;
	w.cgroup = cgroup_worker(p->cgroup, s->number, s->who);
	w.shared = s->home != NULL ? s->home : p->shared;
	if (r == 0)
		r = spawn_worker(p->program, &w, &s->pid, &fd, why);
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
		if (why[0] == '\0')
			(void)snprintf(why, sizeof why, "%s", strerror(-r));
		log_warn("pool", "cannot start %s: %s", p->program, why);
		(void)snprintf(s->why, sizeof s->why, "its worker could not be started: %.120s", why);
		s->pid = 0;
		slot_event(s, SIN_SPAWN_FAILED);
	}
}

/* ---- attempts ---- */

/* Without them it may not run. */
static int
set_limits(struct slot *s, const struct pool_job *job)
{
	static const struct limits	 none;
	const struct limits		*l = job->limits != NULL ? job->limits : &none;
	struct cgroup			*g = s->shop->cgroup;

	s->grouped = false;
	for (int i = 0; i < LIMIT_COUNT; i++)
		s->grouped |= l->v[i] != 0 && cgroup_holds(g, (enum limit)i);
	return cgroup_limit(g, s->number, l);
}

void
slot_give(struct slot *s, const struct pool_job *job)
{
	struct msg_attempt	m = { .spec = job->spec, .number = job->attempt,
	    .slot = s->number, .context = job->context->context,
	    .timeout_ms = job->timeout_ms, .grace_ms = job->grace_ms,
	    .follow = job->follow, .output_limit = job->output_limit,
	    .condition = job->condition, .shared = job->shared, .usual_ms = job->usual_ms };
	int			r = 0;

	s->job = *job;
	s->attempt_id = m.attempt_id = ++s->shop->next_attempt;
	s->started_us = now_us();
	s->cpu_us = s->memory = 0;
	s->started_wall_ms = wall_ms();
	s->deadline = job->limit_ms != 0 ? s->started_us / 1000 + job->limit_ms +
	    s->shop->config->worker_timeout_ms : SLOT_NEVER;
	slot_event(s, SIN_GIVEN);
	s->shop->ops->starting(job, s->number);
	r = set_limits(s, job);
	if (r == 0 && s->context != job->context->context) {
		r = peer_send(s->peer, MSG_CONTEXT, 0, job->context);
		s->context = job->context->context;
	}
	if (r == 0)
		r = peer_send(s->peer, MSG_ATTEMPT, 0, &m);
	if (r != 0) {
		slot_warn(s, "worker %u: an attempt could not be sent: %s", s->number,
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
		slot_warn(s, "worker %u is far past its attempt's end", s->number);
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
		slot_warn(s, "worker %u (pid %d) ended: status %d", s->number,
		    (int)s->pid, status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == PRIVILEGE_EXIT && s->who != NULL)
		(void)snprintf(s->why, sizeof s->why, "its worker could not become user %u; the "
		    "supervisor's log says why", (unsigned)s->who->uid);
	cgroup_kill(s->shop->cgroup, s->number);
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
	free(s->home);
	free(s->who);
	free(s);
}

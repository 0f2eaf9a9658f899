/*
 * What clients may ask: on_NAME() for each C2S message of msg.def.  A handler takes
 * what came, asks the module that knows, and queues the answer: no logic of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/server.h"

#define PROGRAM	"paratestd " PARATEST_VERSION

/* A handler for each C2S message; one that is missing does not link. */
#define HANDLER_C2S(name)	static int on_##name(struct conn *, uint32_t, const struct msg_##name *);
#define HANDLER_S2C(name)
#define HANDLER_S2W(name)
#define HANDLER_W2S(name)
#define MSG(dir, code, NAME, name, max, right)	HANDLER_##dir(name)
#include "common/msg.def"

static int
fail(struct conn *c, uint32_t id, enum msg_error_code code, const char *text, const char *hint)
{
	struct msg_error	m = { .code = code, .text = sv_from(text), .hint = sv_from(hint) };

	return peer_send(c->peer, MSG_ERROR, id, &m) == -ENOMEM ? -ENOMEM : 0;
}

static int
ok(struct conn *c, uint32_t id)
{
	struct msg_ok	m = { .has = 0 };

	return peer_send(c->peer, MSG_OK, id, &m) == -ENOMEM ? -ENOMEM : 0;
}

static int
end_of(struct conn *c, uint32_t id, uint64_t count)
{
	struct msg_end_of	m = { .count = count };

	return peer_send(c->peer, MSG_END_OF, id, &m) == -ENOMEM ? -ENOMEM : 0;
}

static int
fail_run(struct conn *c, uint32_t id, int r, struct sv run)
{
	char	text[160];

	if (r == -ENOTUNIQ)
		(void)snprintf(text, sizeof text, "several runs begin with '" SV_FMT "'", SV_ARG(run));
	else if (run.n == 0)
		(void)snprintf(text, sizeof text, "there is no run yet");
	else
		(void)snprintf(text, sizeof text, "there is no run '" SV_FMT "'", SV_ARG(run));
	return fail(c, id, MSG_ERR_NOT_FOUND, text, r == -ENOTUNIQ ?
	    "give more digits; paratestctl runs lists them" : "paratestctl runs lists them");
}

/* ---- the supervisor ---- */

static int
on_hello(struct conn *c, uint32_t id, const struct msg_hello *m)
{
	struct msg_hello_ok	reply = { .version = MSG_VERSION, .program = SV_LIT(PROGRAM),
	    .pid = (uint64_t)getpid() };
	char			text[200];

	if (m->version != MSG_VERSION) {
		(void)snprintf(text, sizeof text,
		    "the client speaks version %llu of the protocol, the supervisor (" PROGRAM
		    ", pid %d) version %d", (unsigned long long)m->version, (int)getpid(),
		    MSG_VERSION);
		(void)fail(c, id, MSG_ERR_VERSION, text,
		    "end the supervisor (kill its pid) and run this again, "
		    "or use the paratestctl that came with it");
		peer_finish(c->peer);
		return 0;
	}
	c->greeted = true;
	return peer_send(c->peer, MSG_HELLO_OK, id, &reply) == -ENOMEM ? -ENOMEM : 0;
}

static int
on_ping(struct conn *c, uint32_t id, const struct msg_ping *m)
{
	(void)m;
	return ok(c, id);
}

static uint64_t
resident_bytes(void)
{
	unsigned long	size, resident = 0;
	FILE		*f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	(void)fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int
on_status(struct conn *c, uint32_t id, const struct msg_status *m)
{
	static const char *const	states[] = { "ready", "draining", "leaving" };
	struct server			*s = c->server;
	struct msg_status_ok		 reply = { .pid = (uint64_t)getpid(),
	    .program = SV_LIT(PROGRAM), .state = sv_from(states[s->state]),
	    .uptime_us = now_us() - s->started_us, .capacity = runs_capacity(&s->runs),
	    .runs_active = s->runs.nactive, .runs_total = s->runs.total,
	    .clients = control_count(s->control), .socket = sv_from(s->socket_path),
	    .memory = resident_bytes(), .loop_lag_us = s->lag_us };
	struct pool_count		 n;
	struct sched_count		 sc;
	struct run			*run;

	(void)m;
	pool_count(s->pool, &n);
	reply.workers_total = n.total;
	reply.workers_busy = n.busy;
	reply.workers_idle = n.idle;
	reply.workers_replaced = n.replaced;
	reply.tests_completed = n.completed;
	reply.average_per_worker_milli = n.total > 0 ? n.completed * 1000 / n.total : 0;
	TAILQ_FOREACH(run, &s->runs.list, entry) {
		if (run->over)
			continue;
		sched_count(run->sched, &sc);
		reply.tests_queued += sc.queued + sc.delayed;
	}
	return peer_send(c->peer, MSG_STATUS_OK, id, &reply) == -ENOMEM ? -ENOMEM : 0;
}

static int
on_workers(struct conn *c, uint32_t id, const struct msg_workers *m)
{
	const struct pool_job	*job;
	struct msg_worker_row	 row;
	const struct run	*run;
	unsigned		 n = 0;

	(void)m;
	for (; pool_row(c->server->pool, n, &row, &job) == 0; n++) {
		if (job != NULL) {
			run = job->owner;
			if (c->uid == 0 || c->uid == run->uid)
				row.test = run->plan.tests[job->test].name;
		}
		(void)peer_send(c->peer, MSG_WORKER_ROW, id, &row);
	}
	return end_of(c, id, n);
}

static int
on_config_get(struct conn *c, uint32_t id, const struct msg_config_get *m)
{
	struct msg_config_row	row = { .has = 0 };
	const char		*key, *text;
	char			value[32], fallback[32], why[160];
	uint64_t		n = 0;

	for (size_t i = 0; config_row(&c->server->config, i, &key, &text, value, fallback,
	    sizeof value) == 0; i++) {
		if (m->key.n > 0 && !sv_is(m->key, key))
			continue;
		row.key = sv_from(key);
		row.value = sv_from(value);
		row.fallback = sv_from(fallback);
		row.text = sv_from(text);
		(void)peer_send(c->peer, MSG_CONFIG_ROW, id, &row);
		n++;
	}
	if (n == 0) {
		(void)snprintf(why, sizeof why, "there is no setting '" SV_FMT "'", SV_ARG(m->key));
		return fail(c, id, MSG_ERR_BAD, why, "paratestctl config get lists them");
	}
	return end_of(c, id, n);
}

static int
on_config_set(struct conn *c, uint32_t id, const struct msg_config_set *m)
{
	char	why[200];

	if (config_set(&c->server->config, m->key, m->value, why, sizeof why) != 0)
		return fail(c, id, MSG_ERR_BAD, why, "paratestctl config get lists the settings");
	return ok(c, id);
}

static int
on_drain(struct conn *c, uint32_t id, const struct msg_drain *m)
{
	(void)m;
	server_drain(c->server);
	return ok(c, id);
}

static int
on_shutdown(struct conn *c, uint32_t id, const struct msg_shutdown *m)
{
	(void)m;
	server_leave(c->server, false);
	return ok(c, id);
}

/* ---- a plan ---- */

static void
drop_plan(struct conn *c)
{
	if (c->plan != NULL)
		manifest_free(c->plan);
	free(c->plan);
	c->plan = NULL;
}

static int
on_run_begin(struct conn *c, uint32_t id, const struct msg_run_begin *m)
{
	struct server	*s = c->server;
	uint64_t	 key = 0;

	if (c->plan != NULL)
		return fail(c, id, MSG_ERR_BAD, "a plan is open on this connection already", NULL);
	if (s->state != SERVER_READY)
		return fail(c, id, MSG_ERR_DRAINING, "the supervisor takes no new runs",
		    "it leaves when it is idle; run this again then");
	c->plan = calloc(1, sizeof *c->plan);
	if (c->plan == NULL)
		return -ENOMEM;
	(void)getrandom(&key, sizeof key, GRND_NONBLOCK);
	c->plan_error = manifest_begin(c->plan, m, &s->config, s->runs.cpus, key, c->plan_why);
	if (c->plan_error == 0)
		pool_prepare(s->pool, 1);	/* up while the rest of the plan comes */
	return 0;
}

static int
on_test_add(struct conn *c, uint32_t id, const struct msg_test_add *m)
{
	(void)id;
	if (c->plan == NULL)
		return -EBADMSG;
	if (c->plan_error == 0)
		c->plan_error = manifest_add(c->plan, m, &c->server->config, c->plan_why);
	return 0;
}

static int
on_run_commit(struct conn *c, uint32_t id, const struct msg_run_commit *m)
{
	struct server		*s = c->server;
	struct msg_run_ok	 reply = { .has = 0 };
	struct run		*run = NULL;
	int			 r = c->plan_error;
	bool			 detach;

	if (c->plan == NULL)
		return -EBADMSG;
	if (r == 0 && m->tests != c->plan->ntests) {
		r = -EINVAL;
		(void)snprintf(c->plan_why, sizeof c->plan_why,
		    "%llu tests were announced and %u came", (unsigned long long)m->tests,
		    c->plan->ntests);
	}
	detach = c->plan->detach;
	if (r == 0) {
		r = runs_commit(&s->runs, c->plan, c->uid, &run);
		if (r == -ENOSPC)
			(void)snprintf(c->plan_why, sizeof c->plan_why, "too many runs are active");
		else if (r != 0)
			(void)snprintf(c->plan_why, sizeof c->plan_why,
			    "the supervisor has no memory for this run");
	}
	drop_plan(c);
	if (r != 0)
		return fail(c, id, r == -EINVAL ? MSG_ERR_BAD : MSG_ERR_LIMIT, c->plan_why,
		    r == -ENOSPC ? "wait, or raise the bound: paratestctl config get" : NULL);
	run->client = detach ? NULL : c->peer;
	c->last = run;
	reply.run = sv_from(run->id);
	reply.jobs = run->plan.jobs;
	reply.seed = run->plan.seed;
	return peer_send(c->peer, MSG_RUN_OK, id, &reply) == -ENOMEM ? -ENOMEM : 0;
}

/* ---- runs ---- */

static int
on_run_cancel(struct conn *c, uint32_t id, const struct msg_run_cancel *m)
{
	struct run	*run;
	int		 r = runs_find(&c->server->runs, m->run, c->uid, &run);

	if (r != 0)
		return fail_run(c, id, r, m->run);
	run_cancel(run, m->kill, "its user asked for it");
	return ok(c, id);
}

static int
on_run_watch(struct conn *c, uint32_t id, const struct msg_run_watch *m)
{
	struct server	*s = c->server;
	struct run	*run = c->last;
	int		 r = 0;

	if (m->run.n > 0 || run == NULL)
		r = runs_find(&s->runs, m->run, c->uid, &run);
	if (r != 0)
		return fail_run(c, id, r, m->run);
	if (watch_count(&s->watches, c->peer) >= CONTROL_WATCHES)
		return fail(c, id, MSG_ERR_LIMIT, "too many runs are watched on this connection",
		    NULL);
	r = watch_add(&s->watches, c->peer, run, id, m);
	if (r != 0)
		return fail(c, id, MSG_ERR_INTERNAL, "the events of this run cannot be read", NULL);
	if (m->live && !run->over)
		run_follow(run, POOL_ALL);
	s->urgent = true;
	return 0;
}

static int
on_run_list(struct conn *c, uint32_t id, const struct msg_run_list *m)
{
	struct msg_run_row	 row;
	struct run		*run;
	uint64_t		 n = 0;

	TAILQ_FOREACH(run, &c->server->runs.list, entry) {
		if (c->uid != 0 && run->uid != c->uid)
			continue;
		if (m->limit != 0 && n == m->limit)
			break;
		run_row(run, &row);
		(void)peer_send(c->peer, MSG_RUN_ROW, id, &row);
		n++;
	}
	return end_of(c, id, n);
}

static int
on_output_read(struct conn *c, uint32_t id, const struct msg_output_read *m)
{
	struct server	*s = c->server;
	struct run	*run;
	char		 text[320];
	int		 r = runs_find(&s->runs, m->run, c->uid, &run);

	if (r != 0)
		return fail_run(c, id, r, m->run);
	r = output_add(&s->outputs, c->peer, run, id, m);
	switch (r) {
	case 0:
		return 0;
	case -ENOENT:
		(void)snprintf(text, sizeof text, "run %.8s has no test '%.*s'", run->id,
		    (int)(m->test.n > 200 ? 200 : m->test.n), m->test.p);
		return fail(c, id, MSG_ERR_NOT_FOUND, text, "paratestctl show RUN lists its tests");
	case -ESRCH:
		(void)snprintf(text, sizeof text, "test '%.*s' has no attempt %llu",
		    (int)(m->test.n > 200 ? 200 : m->test.n), m->test.p,
		    (unsigned long long)m->attempt);
		return fail(c, id, MSG_ERR_NOT_FOUND, text, NULL);
	case -EBUSY:
		return fail(c, id, MSG_ERR_LIMIT, "this connection reads an output already", NULL);
	default:
		return -ENOMEM;
	}
}

/* ---- dispatch ---- */

/* Default deny: what is not granted here does not reach a handler. */
static bool
may(const struct conn *c, enum msg_type type)
{
	enum msg_right	right = msg_desc(type)->right;

	if (!c->greeted)
		return type == MSG_HELLO;
	switch (right) {
	case MSG_RIGHT_ANY:
	case MSG_RIGHT_OWNER:	/* runs_find() shows nobody another's run */
		return type != MSG_HELLO;
	case MSG_RIGHT_ADMIN:
		return c->uid == 0 || c->uid == c->server->uid;
	case MSG_RIGHT_NONE:
		break;
	}
	return false;
}

#define CASE_C2S(NAME, name)	case MSG_##NAME: return on_##name(c, id, &m->name);
#define CASE_S2C(NAME, name)
#define CASE_S2W(NAME, name)
#define CASE_W2S(NAME, name)

int
control_dispatch(struct conn *c, enum msg_type type, uint32_t id, const union msg_body *m)
{
	if (!may(c, type)) {
		if (!c->greeted)
			return -EBADMSG;
		return fail(c, id, MSG_ERR_DENIED, "you may not ask for that", NULL);
	}
	switch ((uint32_t)type) {
#define MSG(dir, code, NAME, name, max, right)	CASE_##dir(NAME, name)
#include "common/msg.def"
	default:
		return -EBADMSG;
	}
}

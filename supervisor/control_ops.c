/*
 * What clients may ask: on_NAME() for each C2S message of msg.def.  A handler takes
 * what came, asks the module that knows, and queues the answer: no logic of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "common/log.h"
#include "supervisor/access.h"
#include "supervisor/cgroup.h"
#include "supervisor/control.h"
#include "supervisor/overview.h"
#include "supervisor/quota.h"
#include "supervisor/run_output.h"
#include "supervisor/server.h"
#include "supervisor/settings.h"

/* A handler for each C2S message; one that is missing does not link. */
#define HANDLER_C2S(name)	static int on_##name(struct conn *, uint32_t, const struct msg_##name *);
#define HANDLER_S2C(name)
#define HANDLER_S2W(name)
#define HANDLER_W2S(name)
#define HANDLER_S2D(name)
#define HANDLER_D2S(name)
#define HANDLER_JRN(name)
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
	struct msg_hello_ok	reply = { .version = MSG_VERSION, .program = SV_LIT(SERVER_PROGRAM),
	    .pid = (uint64_t)getpid() };
	char			text[200];

	if (m->version != MSG_VERSION) {
		(void)snprintf(text, sizeof text,
		    "the client speaks version %llu of the protocol, the supervisor (" SERVER_PROGRAM
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

static int
on_status(struct conn *c, uint32_t id, const struct msg_status *m)
{
	(void)m;
	return overview_status(c, id);
}

static int
on_shares(struct conn *c, uint32_t id, const struct msg_shares *m)
{
	(void)m;
	return end_of(c, id, overview_shares(c, id));
}

static int
on_workers(struct conn *c, uint32_t id, const struct msg_workers *m)
{
	(void)m;
	return end_of(c, id, overview_workers(c, id));
}

static int
on_config_get(struct conn *c, uint32_t id, const struct msg_config_get *m)
{
	struct msg_config_row	row = { .has = 0 };
	const char		*key, *text;
	char			value[CONFIG_VALUE], fallback[CONFIG_VALUE], why[160];
	uint64_t		n = 0;

	for (size_t i = 0; config_row(&c->server->config, i, &key, &text, value, fallback,
	    sizeof value) == 0; i++) {
		if (m->key.n > 0 && !sv_is(m->key, key))
			continue;
		row.key = sv_from(key);
		row.value = sv_from(value);
		row.fallback = sv_from(fallback);
		row.text = sv_from(text);
		row.persistent = settings_has(&c->server->state, row.key);
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
	struct server		*s = c->server;
	struct msg_config_row	 row = { .key = m->key };
	char			 why[STATE_WHY], previous[CONFIG_VALUE] = "", value[CONFIG_VALUE] = "";

	(void)config_value(&s->config, m->key, previous, sizeof previous);
	if (config_set(&s->config, m->key, m->value, why, sizeof why) != 0)
		return fail(c, id, MSG_ERR_BAD, why, "paratestctl config get lists the settings");
	(void)config_value(&s->config, m->key, value, sizeof value);
	if (m->persist && settings_keep(&s->state, m->key, sv_from(value), why) != 0) {
		(void)config_set(&s->config, m->key, sv_from(previous), value, sizeof value);
		return fail(c, id, MSG_ERR_INTERNAL, why, NULL);
	}
	history_configure(s->history);
	s->runs.dirty = true;
	row.value = sv_from(value);
	row.previous = sv_from(previous);
	row.persistent = m->persist;
	(void)peer_send(c->peer, MSG_CONFIG_ROW, id, &row);
	return end_of(c, id, 1);
}

static int
on_reload(struct conn *c, uint32_t id, const struct msg_reload *m)
{
	char	why[CONFIG_FILE_WHY];

	(void)m;
	if (manager_reload(c->server->manager, why) != 0)
		return fail(c, id, MSG_ERR_BAD, why, "all settings are as they were");
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

static int
refuse_plan(struct conn *c, uint32_t id)
{
	return fail(c, id, MSG_ERR_DRAINING, "the supervisor takes no new runs",
	    "it leaves when it is idle; run this again then");
}

static int
on_run_begin(struct conn *c, uint32_t id, const struct msg_run_begin *m)
{
	struct server		*s = c->server;
	struct draft_place	 place = server_place(s);
	const char		*refused;

	if (c->draft != NULL)
		return fail(c, id, MSG_ERR_BAD, "a plan is open on this connection already", NULL);
	/* The tests are on their way already, and the client waits for what comes of them. */
	c->refused = s->phase != SERVER_READY;
	if (c->refused)
		return refuse_plan(c, id);
	if (s->service)
		place.who = c->who;
	c->looked_at = 0;
	c->draft = draft_new(&place, m, c->uid);
	if (c->draft == NULL)
		return -ENOMEM;
	refused = access_no_runs(c);
	if (refused != NULL) {
		c->draft->error = -EPERM;
		(void)snprintf(c->draft->why, sizeof c->draft->why, "%s", refused);
	}
	draft_isolate(c->draft, &place);
	if (c->draft->error == 0)	/* up while the rest of the plan comes */
		pool_prepare(s->pool, &(struct pool_kind){ c->draft->who,
		    c->draft->plan.isolation }, 1);
	return 0;
}

/* A test that would be without one of its limits is none to run. */
static void
check_limits(struct conn *c, const struct msg_test_add *m)
{
	const struct server	*s = c->server;
	struct limits		 l = limits_of(m);
	char			 why[CGROUP_WHY];

	if (!limits_any(&l) || cgroup_can(s->cgroup, &l, !s->service && s->uid == 0, why) == 0)
		return;
	c->draft->error = -EINVAL;
	(void)snprintf(c->draft->why, sizeof c->draft->why, "test '%.*s': %s",
	    (int)(m->name.n > 100 ? 100 : m->name.n), m->name.p, why);
}

static int
on_test_add(struct conn *c, uint32_t id, const struct msg_test_add *m)
{
	(void)id;
	if (c->refused)
		return 0;
	if (c->draft == NULL || c->commit != NULL)
		return -EBADMSG;
	if (c->draft->error == 0)
		c->draft->error = quota_memory(c, c->draft->why);
	draft_add(c->draft, m, &c->server->config);
	if (c->draft->error == 0)
		check_limits(c, m);
	return 0;
}

static int
on_run_commit(struct conn *c, uint32_t id, const struct msg_run_commit *m)
{
	struct draft	*d = c->draft;
	int		 r;

	if (c->refused) {
		c->refused = false;
		return refuse_plan(c, id);
	}
	if (d == NULL || c->commit != NULL)
		return -EBADMSG;
	r = d->error;
	if (r == 0 && m->tests != d->plan.ntests) {
		r = -EINVAL;
		(void)snprintf(d->why, sizeof d->why, "%llu tests were announced and %u came",
		    (unsigned long long)m->tests, d->plan.ntests);
	}
	if (r == 0)
		r = manifest_close(&d->plan);
	if (r == 0 && commit_start(c, id, m->dry) == 0)
		return 0;
	if (r == 0 || r == -ENOMEM)
		(void)snprintf(d->why, sizeof d->why, "the supervisor has no memory for this run");
	r = fail(c, id, r == -EINVAL ? MSG_ERR_BAD : r == -EPERM ? MSG_ERR_DENIED :
	    MSG_ERR_LIMIT, d->why, NULL);
	draft_free(d);
	c->draft = NULL;
	return r;
}

/* ---- runs ---- */

static int
on_run_cancel(struct conn *c, uint32_t id, const struct msg_run_cancel *m)
{
	struct run	*run;
	char		 why[600];
	int		 r = runs_find(&c->server->runs, m->run, access_view(c), &run);

	if (r != 0)
		return fail_run(c, id, r, m->run);
	(void)snprintf(why, sizeof why, "its user asked for it%s" SV_FMT,
	    m->reason.n > 0 ? ": " : "", SV_ARG(m->reason));
	run_cancel(run, m->kill, why);
	return ok(c, id);
}

/*
 * Passes on a question about what is not held in memory.  `r`, of runs_find(), is what
 * is answered when there is no history to ask.
 */
static int
ask_history(struct conn *c, uint32_t id, enum msg_type type, const void *m, int r, struct sv run)
{
	const char	*fault;

	switch (ask_relay(&c->server->asks, c->peer, id, access_view(c), type, m)) {
	case 0:
		return 0;
	case -EBUSY:
		return fail(c, id, MSG_ERR_LIMIT, "this connection asks too much at a time", NULL);
	case -ENOMEM:
		return -ENOMEM;
	default:
		break;
	}
	if (r != 0)
		return fail_run(c, id, r, run);
	/* While there is hope for the store the question waits: a fault lasts, while a
	 * supervisor that leaves makes room for the next. */
	fault = runs_history_fault(&c->server->runs);
	return fail(c, id, MSG_ERR_NOT_FOUND, fault != NULL ? fault : "the history is not ready",
	    fault == NULL ? "ask again" : NULL);
}

static int
on_run_watch(struct conn *c, uint32_t id, const struct msg_run_watch *m)
{
	struct server	*s = c->server;
	struct run	*run = c->last;
	int		 r = 0;

	if (m->run.n > 0 || run == NULL)
		r = runs_find(&s->runs, m->run, access_view(c), &run);
	if (r == -ENOENT)
		return ask_history(c, id, MSG_RUN_WATCH, m, r, m->run);
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
	if (m->own && run->uid == c->uid && !run->over && run->forsaken_ms != 0) {
		run->client = c->peer;	/* it is back */
		run->forsaken_ms = 0;
	}
	s->urgent = true;
	return 0;
}

static int
on_run_list(struct conn *c, uint32_t id, const struct msg_run_list *m)
{
	struct msg_run_row	 row;
	struct run		*run;
	uint64_t		 n = 0;
	uid_t			 view = access_view(c);

	TAILQ_FOREACH(run, &c->server->runs.list, entry) {
		if ((view != 0 && run->uid != view) || (m->active && run->over))
			continue;
		if (m->limit != 0 && n == m->limit)
			break;
		run_row(run, &row);
		(void)peer_send(c->peer, MSG_RUN_ROW, id, &row);
		n++;
	}
	/* The history has the older ones, and may have some of these again. */
	if (!m->active && (m->limit == 0 || n < m->limit) &&
	    ask_relay(&c->server->asks, c->peer, id, view, MSG_RUN_LIST, m) == 0)
		return 0;
	return end_of(c, id, n);
}

static int
on_output_read(struct conn *c, uint32_t id, const struct msg_output_read *m)
{
	struct server		*s = c->server;
	struct msg_output_read	 old = *m;
	struct run		*run;
	char			 text[320];
	int			 r = runs_find(&s->runs, m->run, access_view(c), &run);

	if (r == -ENOENT)
		return ask_history(c, id, MSG_OUTPUT_READ, m, r, m->run);
	if (r != 0)
		return fail_run(c, id, r, m->run);
	r = output_add(&s->outputs, c->peer, run, id, m);
	switch (r) {
	case 0:
		return 0;
	case -ESTALE:
		old.run = sv_from(run->id);
		return ask_history(c, id, MSG_OUTPUT_READ, &old, 0, old.run);
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

/* ---- the history ---- */

static int
on_plan_read(struct conn *c, uint32_t id, const struct msg_plan_read *m)
{
	struct msg_plan_run		 head;
	char				 level[ISOLATION_TEXT];
	struct msg_plan_test		 row;
	const struct manifest_test	*t;
	struct run			*run;
	uint64_t			 n = 0;
	int				 r = runs_find(&c->server->runs, m->run, access_view(c), &run);

	if (r == -ENOENT)
		return ask_history(c, id, MSG_PLAN_READ, m, r, m->run);
	if (r != 0)
		return fail_run(c, id, r, m->run);
	head = (struct msg_plan_run){ .run = sv_from(run->id), .name = sv_from(run->plan.label),
	    .slots = run->plan.slot_words, .total = run->plan.ntests, .status = run->status };
	if (run->plan.asked.level != ISOLATION_AUTO)
		head.isolation = sv_from(isolation_format(&run->plan.asked, level));
	(void)peer_send(c->peer, MSG_PLAN_RUN, id, &head);
	for (uint32_t i = 0; i < run->plan.ntests; i++) {
		t = &run->plan.tests[i];
		if (m->open && t->over && (t->status == TEST_PASS || t->status == TEST_SKIP))
			continue;
		row = (struct msg_plan_test){ .index = i, .spec = t->spec, .attempts = t->attempts };
		if (t->over) {
			row.status = t->status;
			row.has = MSG_BIT(plan_test, status);
		}
		(void)peer_send(c->peer, MSG_PLAN_TEST, id, &row);
		n++;
	}
	return end_of(c, id, n);
}

static int
on_history(struct conn *c, uint32_t id, const struct msg_history *m)
{
	return ask_history(c, id, MSG_HISTORY, m, 0, SV_LIT(""));
}

static int
on_metrics(struct conn *c, uint32_t id, const struct msg_metrics *m)
{
	return ask_history(c, id, MSG_METRICS, m, 0, SV_LIT(""));
}

static int
on_flaky(struct conn *c, uint32_t id, const struct msg_flaky *m)
{
	return ask_history(c, id, MSG_FLAKY, m, 0, SV_LIT(""));
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
		return access_admin(c);
	case MSG_RIGHT_NONE:
		break;
	}
	return false;
}

#define CASE_C2S(NAME, name)	case MSG_##NAME: return on_##name(c, id, &m->name);
#define CASE_S2C(NAME, name)
#define CASE_S2W(NAME, name)
#define CASE_W2S(NAME, name)
#define CASE_S2D(NAME, name)
#define CASE_D2S(NAME, name)
#define CASE_JRN(NAME, name)

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

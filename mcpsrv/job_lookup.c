/*
 * Before a plan is submitted: tests that are known by name only get the definition they
 * last had, the supervisor's settings are read, the policy is held against all of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/history.h"
#include "common/outcome.h"
#include "common/timespan.h"
#include "common/xalloc.h"
#include "mcpsrv/job.h"

/* ---- settings ---- */

static int
on_setting(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct job	*j = arg;
	char		 value[64];
	uint64_t	*to;

	(void)id;
	if (type != MSG_CONFIG_ROW || m->config_row.value.n >= sizeof value)
		return 0;
	to = sv_is(m->config_row.key, "timeout") ? &j->timeout_ms :
	    sv_is(m->config_row.key, "worker-timeout") ? &j->worker_timeout_ms : NULL;
	(void)snprintf(value, sizeof value, SV_FMT, SV_ARG(m->config_row.value));
	if (sv_is(m->config_row.key, "jobs"))
		j->jobs = strtoull(value, NULL, 10);
	if (to != NULL && duration_parse(value, to) != 0)
		*to = 0;
	return 0;
}

/* The tighter of the ceilings of a run's time; 0: none. */
static uint64_t
run_ceiling(const struct srv *s)
{
	uint64_t	least = 0;

	for (size_t i = 0; i < CALL_POLICIES; i++) {
		uint64_t	ms = s->policies[i].max_run_ms;

		if (ms != 0 && (least == 0 || ms < least))
			least = ms;
	}
	return least;
}

static void
on_settings(void *arg, int r, const struct client_error *e)
{
	struct job	*j = arg;
	struct srv	*s = j->call.srv;
	char		 why[POLICY_WHY];
	const struct policy_unasked	unasked = { .timeout_ms = j->timeout_ms, .jobs = j->jobs };

	if (r != 0) {
		call_lost(&j->call, e);
		return;
	}
	if (policy_check(s->policies, CALL_POLICIES, &j->plan, &unasked, why) != 0) {
		call_failed(&j->call, "%s", why);
		return;
	}
	j->submit.timeout_ms = run_ceiling(s);
	j->submit.has_timeout = j->submit.timeout_ms != 0;
	job_submit(j);
}

/* All tests are known. */
static void
ready(struct job *j)
{
	struct msg_config_get	m = { .has = 0 };
	char			why[DEFINE_WHY];

	if (define_finish(&j->plan, &j->define, why) != 0) {
		call_failed(&j->call, "%s", why);
		return;
	}
	for (size_t i = 0; i < j->plan.ntests; i++) {
		const struct strs	*env = &j->plan.tests[i].env;

		for (size_t k = 0; k < env->n; k++)
			secrets_add(&j->call.srv->secrets, env->v[k]);
	}
	/* 31 bits: easy to say and to type again. */
	if (j->submit.seed == 0 && getrandom(&j->submit.seed, sizeof j->submit.seed, 0) > 0)
		j->submit.seed &= 0x7fffffff;
	if (j->prepare != NULL)
		j->prepare(j);
	call_ask(&j->call, MSG_CONFIG_GET, &m, on_setting, on_settings, j);
}

/* ---- a plan on record ---- */

/* Tests of a run into j->known, without those that the caller does not want. */
static int
on_plan(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct job	*j = arg;
	char		 why[ISOLATION_WHY];

	(void)id;
	if (type == MSG_PLAN_RUN) {
		(void)snprintf(j->origin.run, sizeof j->origin.run, SV_FMT,
		    SV_ARG(m->plan_run.run));
		j->origin.total = m->plan_run.total;
		j->origin.status = m->plan_run.status;
		if (m->plan_run.isolation.n > 0 &&
		    isolation_parse(m->plan_run.isolation, &j->known.isolation, why) != 0)
			return -EPROTO;
		for (uint32_t i = 0; i < m->plan_run.slots.n; i++)
			strs_addf(&j->known.slots, SV_FMT, SV_ARG(m->plan_run.slots.v[i]));
		return 0;
	}
	if (type != MSG_PLAN_TEST)
		return 0;
	if (j->no_timeouts && MSG_HAS(&m->plan_test, plan_test, status) &&
	    m->plan_test.status == TEST_TIMEOUT) {
		j->not_retried++;
		return 0;
	}
	return plan_wire_add(&j->known, m->plan_test.spec.p, m->plan_test.spec.n, j->why);
}

static void
read_plan(struct job *j, const char *run, bool open, link_done_fn *done)
{
	struct msg_plan_read	m = { .run = sv_from(run), .open = open };

	plan_free(&j->known);
	j->known = (struct plan){ .name = NULL };
	j->origin = (struct plan_origin){ .run = "" };
	j->why[0] = '\0';
	call_ask(&j->call, MSG_PLAN_READ, &m, on_plan, done, j);
}

/* ---- names ---- */

static int
by_name(const void *a, const void *b)
{
	const struct plan_test	*x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Fills in what the plan just read knows.  True when the test that was looked for is
 * among it. */
static bool
take_known(struct job *j)
{
	struct plan_test	*t;

	if (j->known.ntests > 0)
		qsort(j->known.tests, j->known.ntests, sizeof *j->known.tests, by_name);
	for (size_t i = j->unknown; (t = define_unknown(&j->plan, i)) != NULL;
	    i = (size_t)(t - j->plan.tests) + 1) {
		const struct plan_test	*known = j->known.ntests == 0 ? NULL : bsearch(t,
		    j->known.tests, j->known.ntests, sizeof *t, by_name);

		if (known != NULL)
			define_known(t, known);
	}
	if (j->plan.isolation.level == ISOLATION_AUTO)
		j->plan.isolation = j->known.isolation;
	for (size_t i = 0; i < j->known.slots.n && j->plan.slots.n < 1000; i++) {
		size_t	k = 0;

		while (k < j->plan.slots.n && strcmp(j->plan.slots.v[k], j->known.slots.v[i]) != 0)
			k++;
		if (k == j->plan.slots.n)
			strs_add(&j->plan.slots, j->known.slots.v[i]);
	}
	return j->plan.tests[j->unknown].argv.n > 0;
}

static void
on_known(void *arg, int r, const struct client_error *e)
{
	struct job	*j = arg;

	if (r != 0 && r != -EREMOTEIO) {
		call_lost(&j->call, e);
		return;
	}
	if (r == 0 && take_known(j)) {
		job_lookup(j);
		return;
	}
	call_failed(&j->call, "test '%.200s' has no command, and no definition of that name is on "
	    "record%s%.64s: give it a command (a shell line) or an argv (a program and its "
	    "arguments)",
	    j->plan.tests[j->unknown].name, j->from != NULL ? " in run " : "",
	    j->from != NULL ? j->from : "");
}

static int
on_metric(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct job	*j = arg;

	(void)id;
	if (type == MSG_METRIC_ROW && j->found[0] == '\0')
		(void)snprintf(j->found, sizeof j->found, SV_FMT, SV_ARG(m->metric_row.last_run));
	return 0;
}

static void
on_metrics(void *arg, int r, const struct client_error *e)
{
	struct job	*j = arg;

	if (r != 0 && r != -EREMOTEIO)
		call_lost(&j->call, e);
	else	/* one that ended just now is in no statistics yet */
		read_plan(j, j->found[0] != '\0' ? j->found : NULL, false, on_known);
}

void
job_lookup(struct job *j)
{
	struct plan_test	*t = define_unknown(&j->plan, j->unknown);
	struct msg_metrics	 m = { .sort = METRIC_SORT_LAST_RUN, .limit = 10 };

	if (t == NULL) {
		ready(j);
		return;
	}
	j->unknown = (size_t)(t - j->plan.tests);
	j->found[0] = '\0';
	if (j->from != NULL) {
		read_plan(j, j->from, false, on_known);
		return;
	}
	m.test = sv_from(t->name);
	m.has = MSG_BIT(metrics, test);
	call_ask(&j->call, MSG_METRICS, &m, on_metric, on_metrics, j);
}

/* ---- a run again ---- */

static void
on_again(void *arg, int r, const struct client_error *e)
{
	struct job	*j = arg;

	if (r == -EREMOTEIO || (r != 0 && j->why[0] == '\0')) {
		call_lost(&j->call, e);
		return;
	}
	if (r != 0) {
		call_failed(&j->call, "the record of run %.64s is damaged: %s; give the tests in "
		    "failedTests", j->origin.run, j->why);
		return;
	}
	if (j->origin.status == RUN_RUNNING) {
		call_failed(&j->call, "run %s is not over yet: wait with console_get_test_run or "
		    "end it with console_cancel_test_run, then call again", j->origin.run);
		return;
	}
	j->known.jobs = j->plan.jobs;
	plan_free(&j->plan);
	j->plan = j->known;
	j->known = (struct plan){ .name = NULL };
	if (j->plan.ntests > 0) {
		ready(j);
		return;
	}
	j->results.run = xstrdup(j->origin.run);
	j->results.finished = true;
	j->results.status = RUN_PASSED;
	j->view.now_ms = wall_ms();
	call_answer(&j->call, j->answer(j));
}

void
job_start_again(struct job *j, const char *run)
{
	j->submit.parent = j->origin.run;
	read_plan(j, run, true, on_again);
}

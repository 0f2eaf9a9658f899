/* Plans that are whole; see commit.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/history.h"
#include "common/spec.h"
#include "supervisor/control.h"
#include "supervisor/kin.h"
#include "supervisor/policy/expect.h"
#include "supervisor/policy/forecast.h"
#include "supervisor/policy/width.h"
#include "supervisor/quota.h"
#include "supervisor/server.h"

#define COMMIT_PART_TESTS	1000	/* of one ESTIMATE */
#define COMMIT_PART_BYTES	900000
#define COMMIT_US_MAX		(SPEC_TIMEOUT_MAX_MS * 1000)	/* nothing takes longer */
#define COMMIT_EVENTS		2000	/* of a forecast in one turn */
#define COMMIT_SMALL		5000	/* tests: all of it is done in one turn */
#define COMMIT_ROWS_FULL	((size_t)256 << 10)	/* bytes queued: rows enough for now */

enum commit_state {
	COMMIT_ASKING, COMMIT_FILLING, COMMIT_FORECASTING, COMMIT_STEPPING, COMMIT_STARTING,
	COMMIT_TELLING, COMMIT_DONE
};

struct commit {
	struct conn		*conn;
	enum commit_state	 state;
	uint32_t		 id;		/* of the message that is answered */
	bool			 dry;
	bool			 recent;	/* what the tests did of late is asked, too */
	/* ASKING */
	uint32_t		 ask;		/* under way, 0: none */
	uint32_t		 from, to;	/* the tests that are asked about */
	msec_t			 due;		/* no more is asked after that */
	/* What is expected of each test: by its history, then also of the others. */
	uint64_t		*expected_us, *spread_us;
	uint32_t		*fail_ppm;
	uint64_t		*memory;	/* bytes at its peak */
	bool			*own;		/* by its own history */
	uint64_t		 known;		/* so many are */
	struct forecast		*forecast;	/* NULL: nothing is known */
	uint32_t		 told, next;	/* rows; of the tests that never start */
};

static void	ask_part(struct commit *);

/* ---- the answer ---- */

static void
fail(struct commit *k, enum msg_error_code code, const char *text, const char *hint)
{
	struct msg_error	m = { .code = code, .text = sv_from(text), .hint = sv_from(hint) };

	(void)peer_send(k->conn->peer, MSG_ERROR, k->id, &m);
}

/* The draft becomes a run. */
static void
start_run(struct commit *k)
{
	struct conn		*c = k->conn;
	struct server		*s = c->server;
	struct msg_run_ok	 reply = { .has = 0 };
	char			 level[ISOLATION_TEXT];
	struct run		*run = NULL;
	bool			 detach = c->draft->plan.detach;
	char			 why[QUOTA_WHY];
	int			 r;

	k->state = COMMIT_DONE;
	if (s->phase == SERVER_LEAVING) {
		fail(k, MSG_ERR_DRAINING, "the supervisor is leaving", "run this again");
		return;
	}
	if (quota_commit(c, why) != 0) {
		fail(k, MSG_ERR_LIMIT, why, NULL);
		return;
	}
	r = runs_commit(&s->runs, c->draft,
	    k->forecast != NULL ? forecast_makespan_us(k->forecast) : 0,
	    k->forecast != NULL ? forecast_bound_us(k->forecast) : 0, &run);
	if (r == -ENOSPC) {
		fail(k, MSG_ERR_LIMIT, "too many runs are active",
		    "wait, or raise the bound: paratestctl config get");
	} else if (r != 0) {
		fail(k, MSG_ERR_LIMIT, "the supervisor has no memory for this run", NULL);
	} else {
		run->user->unbounded = quota_unbounded(c);
		run->client = detach ? NULL : c->peer;
		c->last = run;
		reply.run = sv_from(run->id);
		reply.jobs = run->plan.jobs;
		reply.seed = run->plan.seed;
		reply.isolation = sv_from(isolation_format(&run->plan.isolation, level));
		(void)peer_send(c->peer, MSG_RUN_OK, k->id, &reply);
	}
}

/* The test of the next row: in the order of their starts, then those that never do. */
static uint32_t
next_row(struct commit *k)
{
	const uint32_t	*order;
	uint32_t	 n = 0;

	if (k->forecast == NULL)
		return k->told;
	order = forecast_order(k->forecast, &n);
	if (k->told < n)
		return order[k->told];
	while (forecast_start_us(k->forecast, k->next) != UINT64_MAX)
		k->next++;
	return k->next++;
}

/* The rows of a dry run, as its client takes them. */
static void
tell_rows(struct commit *k)
{
	const struct manifest	*plan = &k->conn->draft->plan;
	struct msg_plan_row	 row;
	struct msg_plan_ok	 sum = { .known = k->known, .jobs = plan->jobs };
	uint64_t		 start;
	uint32_t		 t;

	while (k->told < plan->ntests && peer_pending(k->conn->peer) < COMMIT_ROWS_FULL) {
		t = next_row(k);
		start = k->forecast != NULL ? forecast_start_us(k->forecast, t) : 0;
		row = (struct msg_plan_row){ .test = plan->tests[t].name, .index = t,
		    .expected_us = k->expected_us[t], .fail_ppm = k->fail_ppm[t],
		    .spread_us = k->spread_us[t], .known = k->own[t],
		    .start_us = start != UINT64_MAX ? start : 0 };
		(void)peer_send(k->conn->peer, MSG_PLAN_ROW, k->id, &row);
		k->told++;
	}
	if (k->told < plan->ntests)
		return;
	if (k->forecast != NULL) {
		sum.makespan_us = forecast_makespan_us(k->forecast);
		sum.bound_us = forecast_bound_us(k->forecast);
	}
	(void)peer_send(k->conn->peer, MSG_PLAN_OK, k->id, &sum);
	k->state = COMMIT_DONE;
}

/* ---- the forecast ---- */

/* Numbers the suites of the plan, for the tests that nothing is known of. */
static uint32_t *
number_suites(const struct manifest *plan)
{
	uint32_t	*suite = calloc((size_t)plan->ntests + 1, sizeof *suite), at;
	struct strmap	 names = { .key = plan->names.key };

	for (uint32_t i = 0; suite != NULL && i < plan->ntests; i++) {
		at = strmap_get(&names, plan->tests[i].suite);
		if (at == STRMAP_NONE) {
			at = names.n;
			if (strmap_put(&names, plan->tests[i].suite, at) != 0) {
				free(suite);
				suite = NULL;
			}
		}
		if (suite != NULL)
			suite[i] = at;
	}
	strmap_free(&names);
	return suite;
}

/* All that will come has come: fills in the rest. */
static void
fill(struct commit *k)
{
	struct manifest	*plan = &k->conn->draft->plan;
	uint32_t	*suite = number_suites(plan);
	int64_t		 known = -1;

	for (uint32_t i = 0; i < plan->ntests; i++)
		k->own[i] = k->expected_us[i] != 0;
	if (suite != NULL) {
		known = expect_fill(suite, k->expected_us, k->fail_ppm, plan->ntests);
		(void)expect_peaks(suite, k->memory, plan->ntests);
	}
	free(suite);
	for (uint32_t i = 0; i < plan->ntests; i++)
		plan->sched[i].memory = k->memory[i];
	if (known <= 0)
		return;
	k->known = (uint64_t)known;
	for (uint32_t i = 0; i < plan->ntests; i++) {
		plan->sched[i].expected_us = k->expected_us[i];
		plan->sched[i].fail_ppm = k->fail_ppm[i];
	}
}

static void
forecast(struct commit *k)
{
	struct sched_plan	sp = manifest_plan(&k->conn->draft->plan);

	/* How often each test will run again nobody knows: a dry run tells one round. */
	if (sp.flake.on && !k->dry)
		return;
	sp.flake.on = false;
	k->forecast = k->known > 0 ? forecast_new(&sp) : NULL;
}

/* ---- asking ---- */

static uint64_t
at_most(uint64_t us)
{
	return us < COMMIT_US_MAX ? us : COMMIT_US_MAX;
}

static uint16_t
count(uint64_t n)
{
	return n < METRIC_RECENT ? (uint16_t)n : METRIC_RECENT;
}

static void
take_record(struct flake_record *r, const uint64_t *e)
{
	r->fails = count(e[ESTIMATE_FAILS]);
	r->passes = count(e[ESTIMATE_PASSES]);
}

/* What a test costs, by its history. */
static void
take_costs(struct commit *k, uint32_t test, const uint64_t *c)
{
	struct manifest	*plan = &k->conn->draft->plan;

	k->memory[test] = c[COST_MEMORY];
	if (plan->wide > 0)
		plan->sched[test].cpu_milli = width_share(c[COST_CPU_US], c[COST_SHORTEST_US]);
}

static void
on_estimates(void *arg, struct nums v, struct nums costs)
{
	struct commit	*k = arg;

	k->ask = 0;
	if (v.n == 0)
		k->to = k->from = k->conn->draft->plan.ntests;	/* it cannot say */
	for (uint32_t i = 0; k->from + i < k->to && (i + 1) * ESTIMATE_STRIDE <= v.n; i++) {
		const uint64_t	*e = v.v + (size_t)i * ESTIMATE_STRIDE;

		k->expected_us[k->from + i] = at_most(e[ESTIMATE_US]);
		k->spread_us[k->from + i] = at_most(e[ESTIMATE_SPREAD_US]);
		k->fail_ppm[k->from + i] = e[ESTIMATE_FAIL_PPM] < 1000000 ?
		    (uint32_t)e[ESTIMATE_FAIL_PPM] : 1000000;
		if (k->recent)
			take_record(&k->conn->draft->plan.records[k->from + i], e);
		if ((i + 1) * COST_STRIDE <= costs.n)
			take_costs(k, k->from + i, costs.v + (size_t)i * COST_STRIDE);
	}
	k->from = k->to;
	ask_part(k);
}

/* Asks about the next tests, or goes on without. */
static void
ask_part(struct commit *k)
{
	const struct manifest	*plan = &k->conn->draft->plan;
	struct sv		 v[COMMIT_PART_TESTS * 2];
	struct msg_estimate	 m = { .uid = k->conn->uid, .tests = { v, 0 },
	    .recent = k->recent };
	msec_t			 now = now_ms();
	size_t			 bytes = 0;

	while (k->to < plan->ntests && m.tests.n < COMMIT_PART_TESTS * 2 &&
	    bytes < COMMIT_PART_BYTES) {
		const struct manifest_test	*t = &plan->tests[k->to++];

		v[m.tests.n++] = t->suite;
		v[m.tests.n++] = t->name;
		bytes += t->suite.n + t->name.n + 10;
	}
	if (m.tests.n == 0 || now >= k->due || plan->plan_order ||
	    ask_estimates(&k->conn->server->asks, &m, k->due - now, on_estimates, k, &k->ask) != 0)
		k->state = COMMIT_FILLING;
}

/* ---- life ---- */

static int
prepare_records(struct commit *k)
{
	struct manifest	*plan = &k->conn->draft->plan;

	plan->records = calloc((size_t)plan->ntests + 1, sizeof *plan->records);
	k->recent = plan->flake.use_record;
	return plan->records != NULL ? kin_number(plan, plan->records) : -ENOMEM;
}

int
commit_start(struct conn *c, uint32_t id, bool dry)
{
	struct commit	*k = calloc(1, sizeof *k);
	uint32_t	 n = c->draft->plan.ntests;

	if (k == NULL)
		return -ENOMEM;
	k->conn = c;
	k->id = id;
	k->dry = dry;
	k->expected_us = calloc((size_t)n + 1, sizeof *k->expected_us);
	k->spread_us = calloc((size_t)n + 1, sizeof *k->spread_us);
	k->fail_ppm = calloc((size_t)n + 1, sizeof *k->fail_ppm);
	k->own = calloc((size_t)n + 1, sizeof *k->own);
	k->memory = calloc((size_t)n + 1, sizeof *k->memory);
	if (k->expected_us == NULL || k->spread_us == NULL || k->fail_ppm == NULL ||
	    k->own == NULL || k->memory == NULL) {
		commit_free(k);
		return -ENOMEM;
	}
	k->due = now_ms() + COMMIT_WAIT_MS + n / 100;
	if (c->draft->plan.flake.on && !dry && prepare_records(k) != 0) {
		commit_free(k);
		return -ENOMEM;
	}
	c->commit = k;
	peer_pause(c->peer, true);	/* what is asked next is about the answer */
	ask_part(k);
	(void)commit_pump(k);
	return 0;
}

/* One step on, each of which a large plan makes long; false: there is none to take now. */
static bool
advance(struct commit *k)
{
	switch (k->state) {
	case COMMIT_FILLING:
		fill(k);
		k->state = COMMIT_FORECASTING;
		return true;
	case COMMIT_FORECASTING:
		forecast(k);
		k->state = COMMIT_STEPPING;
		return true;
	case COMMIT_STEPPING:
		if (k->forecast == NULL || forecast_step(k->forecast, COMMIT_EVENTS))
			k->state = k->dry ? COMMIT_TELLING : COMMIT_STARTING;
		return true;
	case COMMIT_STARTING:
		start_run(k);
		return false;
	case COMMIT_TELLING:
		tell_rows(k);
		return false;
	case COMMIT_ASKING:
	case COMMIT_DONE:
		break;
	}
	return false;
}

bool
commit_pump(struct commit *k)
{
	struct conn	*c = k->conn;
	bool		 small = c->draft->plan.ntests <= COMMIT_SMALL, more;

	do {
		more = advance(k);
	} while (more && small);
	if (k->state != COMMIT_DONE)
		return more;
	commit_free(k);
	c->commit = NULL;
	draft_free(c->draft);
	c->draft = NULL;
	peer_pause(c->peer, false);
	return false;
}

void
commit_free(struct commit *k)
{
	if (k == NULL)
		return;
	if (k->ask != 0)
		ask_forget(&k->conn->server->asks, k->ask);
	forecast_free(k->forecast);
	free(k->expected_us);
	free(k->spread_us);
	free(k->fail_ppm);
	free(k->own);
	free(k->memory);
	free(k);
}

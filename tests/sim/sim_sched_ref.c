/*
 * A second opinion on sched.c: the same rules written as plainly as they can be,
 * with linear scans over the tests, fed with the same random inputs.  Every
 * decision of the two must be the same.  Now and then the scheduler is lost, and a
 * new one is told by sched_recall() what the second opinion knows.
 *
 * SIM_SEEDS (or the first argument): how many seeds, 3000 else.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/order.h"
#include "supervisor/policy/sched.h"
#include "tests/sim/ref_sched.h"

/* How often a retry was refused for each reason: that it happens at all. */
static uint64_t refusals[RETRY_DECISION_COUNT];

/* ---- both, side by side ---- */

static void
hear(const struct ref *r, const struct sched_out *out, struct said *said, uint64_t seed)
{
	uint32_t i;

	for (i = 0; i < out->n; i++) {
		const struct sched_act *a = &out->v[i];

		switch (a->type) {
		case SCHED_ACT_START:
			said->starts[said->nstarts++] = a->test;
			said->delay[a->test] = a->delay_ms;
			if (a->attempt != r->t[a->test].attempt)
				fail_msg("seed %llu: attempt", (unsigned long long)seed);
			break;
		case SCHED_ACT_KILL:
			said->kill[a->test] = (a->kill ? 2 : 1) + (a->timeout ? 10 : 0);
			break;
		case SCHED_ACT_VERDICT:
			said->verdict[a->test] = (int)a->status + 1 + (a->flaky ? 10 : 0) +
			    (a->lost_for_good ? 20 : 0);
			break;
		case SCHED_ACT_RETRY:
			said->again[a->test] = 1 + a->delay_ms + ((uint64_t)a->where << 56);
			if (a->attempt + 1 < r->t[a->test].attempt || a->attempt == 0)
				fail_msg("seed %llu: retry", (unsigned long long)seed);
			break;
		case SCHED_ACT_REFUSED:
			refusals[a->decision]++;
			said->refused[a->test][0] = a->decision;
			said->refused[a->test][1] = a->scope;
			said->refused[a->test][2] = a->tag;
			said->refused[a->test][3] = a->fingerprint;
			if (a->attempt != r->t[a->test].attempt)
				fail_msg("seed %llu: refusal", (unsigned long long)seed);
			break;
		case SCHED_ACT_BREAKER:
			say_breaker(said, a->scope, a->scope == BREAKER_TAG ? a->tag :
			    a->fingerprint, a->state, a->decision);
			break;
		case SCHED_ACT_STOPPING:
			said->stop = a->reason;
			break;
		case SCHED_ACT_RUN_DONE:
			said->ended = true;
			break;
		}
	}
}

struct pair {
	struct sched_test tests[TESTS_MAX];
	struct sched_need needs[TESTS_MAX][2];
	struct sched_retry retries[TESTS_MAX];
	uint32_t	resources[RES_MAX];
	uint32_t	tags[TESTS_MAX][TAGS_MAX];
	struct budget_limit budgets[TAGS_MAX + 1];
	struct sched_plan plan;
	struct ref	ref;
	bool		broken;			/* nearly all fails */
};

static struct sched_retry
draw_retry(uint64_t *rng)
{
	struct sched_retry retry = { .count = order_below(rng, 4),
	    .delay_ms = order_below(rng, 2) * order_below(rng, 60),
	    .auto_delay = order_below(rng, 5) == 0,
	    .jitter = (enum retry_jitter)order_below(rng, JITTER_COUNT) };

	if (order_below(rng, 2))
		retry.where = (enum retry_where)order_below(rng, WHERE_COUNT);
	if (retry.count == 0)
		retry.on_request = order_below(rng, 2);
	return retry;
}

/* Budgets and breakers that matter in so small a run. */
static void
draw_brakes(struct pair *v, uint64_t *rng)
{
	uint32_t i;

	v->plan.ntags = order_below(rng, TAGS_MAX + 1);
	v->plan.budgets = order_below(rng, 2) ? v->budgets : NULL;
	for (i = 0; i <= v->plan.ntags; i++) {
		v->budgets[i] = BUDGET_UNLIMITED;
		if (order_below(rng, 2))
			v->budgets[i].retries = order_below(rng, 30);
		if (order_below(rng, 4) == 0)
			v->budgets[i].ms = order_below(rng, 500);
	}
	v->plan.breaker = (struct breaker_policy){ .off = order_below(rng, 4) == 0,
	    .window = 1 + order_below(rng, 8), .minimum = 1 + order_below(rng, 4),
	    .consecutive = order_below(rng, 2) * order_below(rng, 4),
	    .cool_down_ms = 1 + order_below(rng, 60) };
}

/* Few kinds of requirements, so that tests share and meet. */
static void
make_pair(struct pair *v, uint64_t *rng)
{
	uint32_t order[TESTS_MAX], i, k, kinds = 1 + order_below(rng, 6);

	memset(v, 0, sizeof(*v));
	v->plan = (struct sched_plan){ .tests = v->tests, .resources = v->resources,
	    .ntests = order_below(rng, TESTS_MAX + 1),
	    .nresources = order_below(rng, RES_MAX + 1),
	    .jobs = 1 + order_below(rng, 6), .shuffle = order_below(rng, 2),
	    .max_fail = order_below(rng, 4) ? 0 : 1 + order_below(rng, 4),
	    .timeout_ms = order_below(rng, 4) ? 0 : 1 + order_below(rng, 500),
	    .seed = order_random(rng) };
	v->broken = order_below(rng, 5) == 0;
	draw_brakes(v, rng);
	for (i = 0; i < v->plan.nresources; i++)
		v->resources[i] = 1 + order_below(rng, 3);
	for (i = 0; i < v->plan.ntests; i++) {
		struct sched_test *t = &v->tests[i];

		if (i >= kinds) {
			v->ref.t[i].kind = order_below(rng, kinds);
			*t = v->tests[v->ref.t[i].kind];
		} else {
			v->ref.t[i].kind = i;
			/* No two kinds alike: the unused count tells them apart. */
			*t = (struct sched_test){ .weight = 1 + order_below(rng, 8) / 5 * i,
			    .serial = order_below(rng, 8) == 0, .needs = v->needs[i],
			    .nneeds = v->plan.nresources ? 2 : 0 };
			for (k = 0; k < t->nneeds; k++)
				v->needs[i][k] = (struct sched_need){
				    order_below(rng, v->plan.nresources),
				    order_below(rng, 3) };
		}
		t->skip = order_below(rng, 20) == 0;
		v->retries[i] = draw_retry(rng);
		t->retry = &v->retries[i];
		t->tags = v->tags[i];
		t->ntags = 0;
		for (k = 0; k < v->plan.ntags; k++)
			if (order_below(rng, 3) == 0)
				v->tags[i][t->ntags++] = k;
	}
	order_fill(order, v->plan.ntests, v->plan.shuffle, v->plan.seed);
	for (i = 0; i < v->plan.ntests; i++)
		v->ref.t[order[i]].rank = i;
	v->ref.p = &v->plan;
	v->ref.reserver = NONE;
}

/* Tests with the same requirements are of one kind, the first that has them. */
static void
unify_kinds(struct pair *v)
{
	uint32_t i, k;

	for (i = 0; i < v->plan.ntests; i++)
		for (k = 0; k <= i; k++) {
			const struct sched_test *a = &v->tests[i], *b = &v->tests[k];

			if (a->weight == b->weight && a->serial == b->serial &&
			    a->nneeds == b->nneeds && (a->nneeds == 0 ||
			    memcmp(a->needs, b->needs, a->nneeds * sizeof(*a->needs)) == 0)) {
				v->ref.t[i].kind = k;
				break;
			}
		}
}

static struct sched_in
draw_input(const struct pair *v, uint64_t *rng)
{
	static const enum outcome often[] = { OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_LOST };
	struct sched_in in = { .type = SCHED_IN_TICK };
	uint32_t n = order_below(rng, v->plan.ntests + 1), i;

	if (order_below(rng, 200) == 0) {
		in.type = SCHED_IN_CANCEL;
		in.kill = order_below(rng, 2);
	} else if (order_below(rng, 10) > 0) {
		/* A running one if there is any, from a random place on. */
		for (i = 0; i < v->plan.ntests && (n == v->plan.ntests ||
		    v->ref.t[n].life != RUNS); i++)
			n = (n + 1) % v->plan.ntests;
		in.type = SCHED_IN_DONE;
		in.test = n;
		in.attempt = n < v->plan.ntests ? v->ref.t[n].attempt : 1;
		in.attempt -= order_below(rng, 30) == 0;
		in.says = order_below(rng, 8) ? SAYS_RETRY :
		    (enum retry_says)order_below(rng, SAYS_COUNT);
		in.fingerprint = order_below(rng, PRINTS_MAX + 1);
		in.resource_like = order_below(rng, 2);
		in.elapsed_ms = order_below(rng, 100);
		in.outcome = order_below(rng, 4) ? often[v->broken ||
		    order_below(rng, 16) >= 12] :
		    (enum outcome)order_below(rng, OUTCOME_COUNT);
		if (order_below(rng, 30) == 0)
			in.outcome = OUTCOME_LOST;
	}
	return in;
}

/* What the second opinion knows of a test, for sched_recall(). */
static struct sched_past
past_of(const struct rtest *t)
{
	struct sched_past past = { .attempts = t->attempt, .retries = t->retries,
	    .lost = t->losses, .failed = t->failed, .retried_ms = t->retried_ms,
	    .last = t->last };

	past.done = t->life == OVER;
	past.status = t->status;
	past.flaky = past.done && t->status == TEST_PASS && t->failed;
	past.granted = !past.done && t->failed && t->life != RUNS && !t->lost_last;
	if (past.granted)
		past.retries--;
	return past;
}

/* The second opinion after a loss: what ran is lost, what waited waits anew, breakers
 * and who was passed over are forgotten.  `open` goes on. */
static void
ref_recall(struct ref *r, uint64_t now, const struct rtest *open)
{
	uint32_t t, i;

	memset(r->passed, 0, sizeof(r->passed));
	memset(r->spent, 0, sizeof(r->spent));
	r->reserver = NONE;
	r->nbreakers = 0;
	r->mass = false;
	r->start = now;
	for (t = 0; t < r->p->ntests; t++) {
		struct rtest *v = &r->t[t];

		v->delay = 0;
		if (v->life != OVER && (v->life == RUNS || v->lost_last))
			v->print = 0;
		r->spent[r->p->ntags] += v->retries;
		for (i = 0; i < r->p->tests[t].ntags; i++)
			r->spent[r->p->tests[t].tags[i]] += v->retries;
		if (v->life == OVER && v->attempt > 0) {
			v->has_result = v->status != TEST_SKIP &&
			    v->status != TEST_CANCELLED;
			v->is_bad = v->status != TEST_PASS;
		}
		if (v->life == OVER || v->attempt == 0 || v == open)
			continue;
		if (v->life == RUNS || v->lost_last) {
			v->losses += v->life == RUNS && v->losses < SCHED_LOST_MAX;
			v->lost_last = true;
			v->life = is_late(r, t) ? HELD : WAITS;
		} else {
			v->retries--;
			ref_grant(r, now, &v->last);
			if (v->delay == 0)
				v->life = is_late(r, t) ? HELD : WAITS;
		}
	}
}

/*
 * The scheduler is lost and made anew.  *in is an input that comes now: when it is a
 * result, half of the time it came before the loss, but nothing was told of it.
 */
static struct sched *
lose(struct pair *v, struct sched *s, uint64_t now, struct sched_in *in, uint64_t *rng)
{
	static struct sched_past past[TESTS_MAX];
	struct rtest *open = NULL;
	uint32_t t;

	sched_free(s);
	s = sched_new(&v->plan, now);
	assert_non_null(s);
	if (in->type == SCHED_IN_DONE && in->test < v->plan.ntests &&
	    v->ref.t[in->test].life == RUNS && in->outcome != OUTCOME_LOST &&
	    in->attempt == v->ref.t[in->test].attempt && order_below(rng, 2))
		open = &v->ref.t[in->test];
	for (t = 0; t < v->plan.ntests; t++)
		past[t] = past_of(&v->ref.t[t]);
	if (open != NULL) {
		past[in->test].open = true;
		past[in->test].last = *in;
		past[in->test].retried_ms += open->failed ? in->elapsed_ms : 0;
	}
	ref_recall(&v->ref, now, open);
	for (t = 0; t < v->plan.ntests; t++) {
		past[t].lost = v->ref.t[t].losses;
		sched_recall(s, t, &past[t]);
	}
	return s;
}

/* Steps until there is no more to say. */
static void
step_both(struct pair *v, struct sched *s, uint64_t now, uint32_t limit,
    struct sched_in in, bool opened, struct said got_want[2], uint64_t seed)
{
	struct said *got = &got_want[0], *want = &got_want[1];
	struct sched_out out;

	memset(got_want, 0, 2 * sizeof(*got));
	got->now = now;
	ref_step(&v->ref, now, limit, &in, want);
	if (opened)
		in = (struct sched_in){ .type = SCHED_IN_TICK };
	do {
		sched_step(s, now, limit, &in, &out);
		hear(&v->ref, &out, got, seed);
		in = (struct sched_in){ .type = SCHED_IN_TICK };
	} while (out.next == now);
}

static uint32_t
compare(uint64_t seed)
{
	static struct pair v;
	uint64_t rng = seed, now = 0;
	struct said both[2];
	struct sched_in in;
	struct sched *s;
	uint32_t limit = 0, steps = 0;
	bool opened;

	make_pair(&v, &rng);
	unify_kinds(&v);
	s = sched_new(&v.plan, 0);
	assert_non_null(s);
	while (!v.ref.ended && steps < 5000) {
		now += order_below(&rng, 3) ? 0 : order_below(&rng, 20);
		if (order_below(&rng, 5) == 0)
			limit = order_below(&rng, v.plan.jobs + 2);
		in = draw_input(&v, &rng);
		opened = false;
		if (steps > 0 && v.ref.stop == SCHED_STOP_NONE &&
		    order_below(&rng, 40) == 0) {
			s = lose(&v, s, now, &in, &rng);
			opened = in.type == SCHED_IN_DONE;
		}
		step_both(&v, s, now, limit, in, opened, both, seed);
		if (memcmp(&both[0], &both[1], sizeof(both[0])) != 0)
			fail_msg("seed %llu, step %u: the two differ",
			    (unsigned long long)seed, steps);
		steps++;
	}
	assert_true(v.ref.ended);
	sched_free(s);
	return steps;
}

static void
same_decisions_as_the_reference(void **state)
{
	const char *text = getenv("SIM_SEEDS"), *error = NULL;
	uint64_t seed, n = 3000, steps = 0;
	int d;

	(void)state;
	if (text != NULL) {
		n = (uint64_t)strtonum(text, 0, INT64_MAX, &error);
		assert_null(error);
	}
	for (seed = 1; seed <= n; seed++)
		steps += compare(seed);
	for (d = RETRY_RULE; n >= 3000 && d < RETRY_DECISION_COUNT; d++)
		assert_true(refusals[d] > 50);
	print_message("%llu seeds, %llu steps\n", (unsigned long long)n,
	    (unsigned long long)steps);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_decisions_as_the_reference),
	};

	if (argc > 1 && setenv("SIM_SEEDS", argv[1], 1) == -1)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

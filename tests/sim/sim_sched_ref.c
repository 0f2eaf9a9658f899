/*
 * A second opinion on sched.c: the same rules written as plainly as they can be,
 * with linear scans over the tests, fed with the same random inputs.  Every
 * decision of the two must be the same.
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
#include "supervisor/policy/retry.h"
#include "supervisor/policy/sched.h"

#define TESTS_MAX	60
#define RES_MAX		3
#define NONE		UINT32_MAX

enum life { WAITS, DELAYED, RUNS, OVER };

struct rtest {
	enum life	life;
	uint32_t	rank, kind, attempt, retries, losses;
	uint64_t	due, delay;
	bool		failed, lost_last;
	int		kill;
};

struct ref {
	const struct sched_plan *p;
	struct rtest	t[TESTS_MAX];
	uint32_t	passed[TESTS_MAX];	/* by kind */
	uint32_t	reserver;		/* kind */
	uint32_t	nfailed;
	enum sched_stop	stop;
	int		kill;
	bool		kill_timeout, ended;
	uint64_t	deadline;
};

/* What one step says, without bound on its length; starts in their order, the
 * rest is compared as sets. */
struct said {
	uint32_t	starts[TESTS_MAX * 2], nstarts;
	int		verdict[TESTS_MAX];	/* status + 1; 10 more: flaky; 20: for good */
	int		kill[TESTS_MAX];	/* 1 grace, 2 at once; 10 more: timeout */
	uint64_t	delay[TESTS_MAX];
	enum sched_stop	stop;
	bool		ended;
};

static uint32_t
weight_of(const struct ref *r, uint32_t t)
{
	uint32_t w = r->p->tests[t].weight;

	w = w == 0 ? 1 : w;
	return w < r->p->jobs ? w : r->p->jobs;
}

static uint32_t
need_of(const struct ref *r, uint32_t t, uint32_t resource)
{
	uint32_t k, sum = 0;

	for (k = 0; k < r->p->tests[t].nneeds; k++)
		if (r->p->tests[t].needs[k].resource == resource)
			sum += r->p->tests[t].needs[k].count;
	return sum;
}

static uint32_t
used(const struct ref *r)
{
	uint32_t t, sum = 0;

	for (t = 0; t < r->p->ntests; t++)
		sum += r->t[t].life == RUNS ? weight_of(r, t) : 0;
	return sum;
}

static uint32_t
free_of(const struct ref *r, uint32_t resource)
{
	uint32_t t, left = r->p->resources[resource];

	for (t = 0; t < r->p->ntests; t++)
		left -= r->t[t].life == RUNS ? need_of(r, t, resource) : 0;
	return left;
}

static uint32_t
running(const struct ref *r, bool serial_only)
{
	uint32_t t, n = 0;

	for (t = 0; t < r->p->ntests; t++)
		n += r->t[t].life == RUNS && (!serial_only || r->p->tests[t].serial);
	return n;
}

static bool
fits(const struct ref *r, uint32_t t, uint32_t limit)
{
	uint32_t i;

	if (limit == 0)
		return false;
	if (running(r, false) == 0)
		return true;
	if (running(r, true) > 0 || r->p->tests[t].serial ||
	    used(r) + weight_of(r, t) > limit)
		return false;
	for (i = 0; i < r->p->nresources; i++)
		if (need_of(r, t, i) > free_of(r, i))
			return false;
	return true;
}

/* The test of that kind that waits and has the lowest rank. */
static uint32_t
head_of(const struct ref *r, uint32_t kind)
{
	uint32_t t, best = NONE;

	for (t = 0; t < r->p->ntests; t++)
		if (r->t[t].life == WAITS && r->t[t].kind == kind &&
		    (best == NONE || r->t[t].rank < r->t[best].rank))
			best = t;
	return best;
}

static bool
spares_the_reserver(const struct ref *r, uint32_t t, uint32_t limit)
{
	uint32_t h, i, want;

	if (r->reserver == NONE || r->reserver == r->t[t].kind)
		return true;
	h = head_of(r, r->reserver);
	want = weight_of(r, h) < limit ? weight_of(r, h) : limit;
	if (r->p->tests[h].serial || r->p->tests[t].serial ||
	    used(r) + weight_of(r, t) + want > limit)
		return false;
	for (i = 0; i < r->p->nresources; i++)
		if (need_of(r, t, i) > 0 && need_of(r, h, i) > 0 &&
		    free_of(r, i) < need_of(r, t, i) + need_of(r, h, i))
			return false;
	return true;
}

static uint32_t
lowest_starved(const struct ref *r)
{
	uint32_t t, best = NONE;

	for (t = 0; t < r->p->ntests; t++)
		if (r->t[t].life == WAITS && head_of(r, r->t[t].kind) == t &&
		    r->passed[r->t[t].kind] >= SCHED_BYPASS_MAX &&
		    (best == NONE || r->t[t].rank < r->t[best].rank))
			best = t;
	return best == NONE ? NONE : r->t[best].kind;
}

static void
ref_starts(struct ref *r, uint32_t limit, struct said *said)
{
	uint32_t t, best, kind;

	limit = limit < r->p->jobs ? limit : r->p->jobs;
	for (;;) {
		if (r->reserver == NONE)
			r->reserver = lowest_starved(r);
		best = NONE;
		for (t = 0; t < r->p->ntests; t++)
			if (r->t[t].life == WAITS && fits(r, t, limit) &&
			    spares_the_reserver(r, t, limit) &&
			    (best == NONE || r->t[t].rank < r->t[best].rank))
				best = t;
		if (best == NONE)
			return;
		for (kind = 0; kind < r->p->ntests; kind++) {
			t = head_of(r, kind);
			if (t != NONE && r->t[t].rank < r->t[best].rank)
				r->passed[kind]++;
		}
		r->passed[r->t[best].kind] = 0;
		if (r->reserver == r->t[best].kind)
			r->reserver = NONE;
		r->t[best].life = RUNS;
		r->t[best].attempt++;
		said->delay[best] = r->t[best].lost_last ? 0 : r->t[best].delay;
		r->t[best].lost_last = false;
		said->starts[said->nstarts++] = best;
	}
}

static void
ref_verdict(struct ref *r, uint32_t t, enum test_status status, int more,
    struct said *said)
{
	r->t[t].life = OVER;
	r->nfailed += status == TEST_FAIL || status == TEST_TIMEOUT ||
	    status == TEST_ERROR;
	said->verdict[t] = (int)status + 1 + more;
}

static void
ref_result(struct ref *r, uint64_t now, uint32_t n, enum outcome o, struct said *said)
{
	struct rtest *t = &r->t[n];
	const struct sched_retry *retry = &r->p->tests[n].retry;

	if (o == OUTCOME_LOST) {
		t->losses++;
		t->lost_last = true;
		if (r->stop != SCHED_STOP_NONE)
			ref_verdict(r, n, TEST_CANCELLED, 0, said);
		else if (t->losses > SCHED_LOST_MAX)
			ref_verdict(r, n, TEST_ERROR, 20, said);
		else
			t->life = WAITS;
	} else if ((o == OUTCOME_FAIL || o == OUTCOME_TIMEOUT || o == OUTCOME_CRASH ||
	    o == OUTCOME_OOM) && r->stop == SCHED_STOP_NONE && t->retries < retry->count) {
		t->failed = true;
		t->retries++;
		t->delay = retry_delay(retry, r->p->seed, n, t->retries, t->delay);
		t->due = now + t->delay;
		t->life = DELAYED;
	} else {
		ref_verdict(r, n, outcome_status(o), o == OUTCOME_PASS && t->failed ? 10 : 0,
		    said);
	}
}

static uint32_t
ref_left(const struct ref *r)
{
	uint32_t t, n = 0;

	for (t = 0; t < r->p->ntests; t++)
		n += r->t[t].life != OVER;
	return n;
}

static void
ref_stop(struct ref *r, enum sched_stop why, struct said *said)
{
	if (r->stop == SCHED_STOP_NONE && ref_left(r) > 0)
		r->stop = said->stop = why;
}

/* Skipped and impossible tests have their verdict with the first step. */
static void
ref_never_run(struct ref *r, struct said *said)
{
	uint32_t t, i;

	for (t = 0; t < r->p->ntests; t++) {
		if (r->t[t].life != WAITS || r->t[t].attempt > 0)
			continue;
		if (r->p->tests[t].skip)
			ref_verdict(r, t, TEST_SKIP, 0, said);
		for (i = 0; r->t[t].life == WAITS && i < r->p->nresources; i++)
			if (need_of(r, t, i) > r->p->resources[i])
				ref_verdict(r, t, TEST_ERROR, 0, said);
	}
}

static void
ref_end_what_remains(struct ref *r, struct said *said)
{
	uint32_t t;

	for (t = 0; t < r->p->ntests; t++) {
		if (r->t[t].life == WAITS || r->t[t].life == DELAYED)
			ref_verdict(r, t, TEST_CANCELLED, 0, said);
		if (r->t[t].life == RUNS && r->t[t].kill < r->kill) {
			r->t[t].kill = r->kill;
			said->kill[t] = r->kill + (r->kill_timeout ? 10 : 0);
		}
	}
}

static void
ref_step(struct ref *r, uint64_t now, uint32_t limit, const struct sched_in *in,
    struct said *said)
{
	uint32_t t;

	memset(said, 0, sizeof(*said));
	ref_never_run(r, said);
	if (in->type == SCHED_IN_DONE && in->test < r->p->ntests &&
	    r->t[in->test].life == RUNS && r->t[in->test].attempt == in->attempt)
		ref_result(r, now, in->test, in->outcome, said);
	if (in->type == SCHED_IN_CANCEL) {
		ref_stop(r, SCHED_STOP_CANCEL, said);
		r->kill = in->kill ? 2 : r->kill == 0 ? 1 : r->kill;
	}
	for (t = 0; t < r->p->ntests; t++)
		if (r->t[t].life == DELAYED && r->t[t].due <= now)
			r->t[t].life = WAITS;
	if (r->p->max_fail > 0 && r->nfailed >= r->p->max_fail)
		ref_stop(r, SCHED_STOP_MAX_FAIL, said);
	if (r->p->timeout_ms > 0 && now >= r->p->timeout_ms && r->kill == 0 &&
	    ref_left(r) > 0) {
		ref_stop(r, SCHED_STOP_TIMEOUT, said);
		r->kill = 1;
		r->kill_timeout = true;
	}
	if (r->stop != SCHED_STOP_NONE)
		ref_end_what_remains(r, said);
	else
		ref_starts(r, limit, said);
	if (ref_left(r) == 0 && !r->ended)
		r->ended = said->ended = true;
}

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
	uint32_t	resources[RES_MAX];
	struct sched_plan plan;
	struct ref	ref;
};

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
		t->retry = (struct sched_retry){ .count = order_below(rng, 3),
		    .delay_ms = order_below(rng, 2) * order_below(rng, 60),
		    .jitter = (enum retry_jitter)order_below(rng, JITTER_COUNT) };
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
		in.outcome = order_below(rng, 4) ? often[order_below(rng, 16) / 12] :
		    (enum outcome)order_below(rng, OUTCOME_COUNT);
		if (order_below(rng, 30) == 0)
			in.outcome = OUTCOME_LOST;
	}
	return in;
}

static uint32_t
compare(uint64_t seed)
{
	static struct pair v;
	uint64_t rng = seed, now = 0;
	struct said want, got;
	struct sched_in in;
	struct sched_out out;
	struct sched *s;
	uint32_t limit = 0, steps = 0;

	make_pair(&v, &rng);
	unify_kinds(&v);
	s = sched_new(&v.plan, 0);
	assert_non_null(s);
	while (!v.ref.ended && steps < 5000) {
		now += order_below(&rng, 3) ? 0 : order_below(&rng, 20);
		if (order_below(&rng, 5) == 0)
			limit = order_below(&rng, v.plan.jobs + 2);
		in = draw_input(&v, &rng);
		memset(&got, 0, sizeof(got));
		sched_step(s, now, limit, &in, &out);
		ref_step(&v.ref, now, limit, &in, &want);
		hear(&v.ref, &out, &got, seed);
		while (out.next == now) {
			sched_step(s, now, limit, &(struct sched_in){ 0 }, &out);
			hear(&v.ref, &out, &got, seed);
		}
		if (memcmp(&want, &got, sizeof(want)) != 0)
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

	(void)state;
	if (text != NULL) {
		n = (uint64_t)strtonum(text, 0, INT64_MAX, &error);
		assert_null(error);
	}
	for (seed = 1; seed <= n; seed++)
		steps += compare(seed);
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

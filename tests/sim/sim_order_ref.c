/*
 * A second opinion on queue.c: the order by history, the requirements and the
 * reservation written as plainly as they can be, with linear scans over the tests.
 * Both get the same pushes, releases and limits; every choice must be the same.
 *
 * SIM_SEEDS: how many plans, 3000 else.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/order.h"
#include "supervisor/policy/queue.h"

#define TESTS_MAX	60
#define RES_MAX		3
#define NONE		UINT32_MAX

enum life { OUT, WAITS, RUNS };

struct ref {
	struct sched_test tests[TESTS_MAX];
	struct sched_need needs[TESTS_MAX][2];
	uint32_t	resources[RES_MAX];
	struct sched_plan plan;
	struct heap_node nodes[TESTS_MAX];	/* rank: for both; the rest: the queue's */
	enum life	life[TESTS_MAX];
	uint32_t	kind[TESTS_MAX];
	uint32_t	passed[TESTS_MAX];	/* by kind */
	uint32_t	reserver;		/* kind */
	bool		last_serial;		/* the test that started last is */
	bool		history;
	uint32_t	due, reserved;		/* how often it came to that */
};

/* ---- the rules ---- */

static uint32_t
weight_of(const struct ref *r, uint32_t t)
{
	uint32_t w = r->tests[t].weight > 1 ? r->tests[t].weight : 1;

	return w < r->plan.jobs ? w : r->plan.jobs;
}

static uint32_t
need_of(const struct ref *r, uint32_t t, uint32_t resource)
{
	uint32_t k, sum = 0;

	for (k = 0; k < r->tests[t].nneeds; k++)
		if (r->tests[t].needs[k].resource == resource)
			sum += r->tests[t].needs[k].count;
	return sum;
}

static uint32_t
used(const struct ref *r)
{
	uint32_t t, sum = 0;

	for (t = 0; t < r->plan.ntests; t++)
		sum += r->life[t] == RUNS ? weight_of(r, t) : 0;
	return sum;
}

static uint32_t
free_of(const struct ref *r, uint32_t resource)
{
	uint32_t t, left = r->resources[resource];

	for (t = 0; t < r->plan.ntests; t++)
		left -= r->life[t] == RUNS ? need_of(r, t, resource) : 0;
	return left;
}

static bool
runs(const struct ref *r, bool serial_only)
{
	uint32_t t;

	for (t = 0; t < r->plan.ntests; t++)
		if (r->life[t] == RUNS && (!serial_only || r->tests[t].serial))
			return true;
	return false;
}

static bool
fits(const struct ref *r, uint32_t t, uint32_t limit)
{
	uint32_t i;

	if (used(r) >= limit)
		return false;
	if (!runs(r, false))
		return true;
	if (runs(r, true) || r->tests[t].serial || used(r) + weight_of(r, t) > limit)
		return false;
	for (i = 0; i < r->plan.nresources; i++)
		if (need_of(r, t, i) > free_of(r, i))
			return false;
	return true;
}

/* Would the test go first for its length?  The remaining work a slot is cut to a
 * microsecond, as in order.c. */
static bool
is_due(const struct ref *r, uint32_t t, uint32_t limit)
{
	uint64_t work = 0;
	uint32_t i;

	if (!r->history || r->tests[t].serial || r->tests[t].expected_us == 0)
		return false;
	for (i = 0; i < r->plan.ntests; i++)
		if (r->life[i] == WAITS && !r->tests[i].serial)
			work += r->tests[i].expected_us * weight_of(r, i);
	return 10 * r->tests[t].expected_us >= 9 * (work / limit);
}

/* Is the turn of `a` before that of `b`? */
static bool
before(const struct ref *r, uint32_t a, uint32_t b, uint32_t limit)
{
	const struct sched_test *x = &r->tests[a], *y = &r->tests[b];
	uint64_t rate_a, rate_b;

	if (r->history && r->last_serial && !runs(r, false) && x->serial != y->serial)
		return x->serial;
	if (r->history) {
		if (is_due(r, a, limit) != is_due(r, b, limit))
			return is_due(r, a, limit);
		if (is_due(r, a, limit) && x->expected_us != y->expected_us)
			return x->expected_us > y->expected_us;
		/* Cross-multiplied: chance a second. */
		rate_a = (x->fail_ppm > 0 ? x->fail_ppm : 1) * y->expected_us;
		rate_b = (y->fail_ppm > 0 ? y->fail_ppm : 1) * x->expected_us;
		if (!is_due(r, a, limit) && rate_a != rate_b)
			return rate_a > rate_b;
	}
	return r->nodes[a].rank < r->nodes[b].rank;
}

/* The test of that kind whose turn it is. */
static uint32_t
head_of(const struct ref *r, uint32_t kind, uint32_t limit)
{
	uint32_t t, best = NONE;

	for (t = 0; t < r->plan.ntests; t++)
		if (r->life[t] == WAITS && r->kind[t] == kind &&
		    (best == NONE || before(r, t, best, limit)))
			best = t;
	return best;
}

static bool
spares_the_reserver(const struct ref *r, uint32_t t, uint32_t limit)
{
	uint32_t h, i, want;

	if (r->reserver == NONE || r->reserver == r->kind[t])
		return true;
	h = head_of(r, r->reserver, limit);
	want = weight_of(r, h) < limit ? weight_of(r, h) : limit;
	if (r->tests[h].serial || r->tests[t].serial ||
	    used(r) + weight_of(r, t) + want > limit)
		return false;
	for (i = 0; i < r->plan.nresources; i++)
		if (need_of(r, t, i) > 0 && need_of(r, h, i) > 0 &&
		    free_of(r, i) < need_of(r, t, i) + need_of(r, h, i))
			return false;
	return true;
}

static void
pick_reserver(struct ref *r, uint32_t limit)
{
	uint32_t kind, h, best = NONE;

	for (kind = 0; kind < r->plan.ntests; kind++) {
		h = head_of(r, kind, limit);
		if (h != NONE && r->passed[kind] >= SCHED_BYPASS_MAX &&
		    (best == NONE || before(r, h, best, limit)))
			best = h;
	}
	if (best != NONE)
		r->reserver = r->kind[best];
}

/* The test that must start next, which then runs; NONE. */
static uint32_t
ref_start(struct ref *r, uint32_t limit)
{
	uint32_t t, best = NONE, kind, h;

	limit = limit < r->plan.jobs ? limit : r->plan.jobs;
	if (used(r) >= limit)
		return NONE;
	if (r->reserver == NONE)
		pick_reserver(r, limit);
	for (t = 0; t < r->plan.ntests; t++)
		if (r->life[t] == WAITS && fits(r, t, limit) &&
		    spares_the_reserver(r, t, limit) &&
		    (best == NONE || before(r, t, best, limit)))
			best = t;
	if (best == NONE)
		return NONE;
	r->due += is_due(r, best, limit);
	for (kind = 0; kind < r->plan.ntests; kind++) {
		h = head_of(r, kind, limit);
		if (h != NONE && before(r, h, best, limit))
			r->passed[kind]++;
	}
	r->passed[r->kind[best]] = 0;
	if (r->reserver == r->kind[best]) {
		r->reserver = NONE;
		r->reserved++;
	}
	r->life[best] = RUNS;
	r->last_serial = r->tests[best].serial;
	return best;
}

/* ---- both, side by side ---- */

static void
draw_test(struct ref *r, uint32_t i, uint32_t kinds, uint64_t *rng)
{
	struct sched_test *t = &r->tests[i];
	uint32_t k;

	if (i >= kinds) {
		r->kind[i] = order_below(rng, kinds);
		*t = r->tests[r->kind[i]];
	} else {
		r->kind[i] = i;
		*t = (struct sched_test){ .weight = 1 + order_below(rng, 8) / 5 * i,
		    .serial = order_below(rng, 8) == 0, .needs = r->needs[i],
		    .nneeds = r->plan.nresources > 0 && order_below(rng, 3) > 0 ? 2 : 0 };
		for (k = 0; k < t->nneeds; k++)
			r->needs[i][k] = (struct sched_need){
			    order_below(rng, r->plan.nresources), order_below(rng, 3) };
	}
	/* Few values, so that there are ties, and some far longer than the rest. */
	t->expected_us = order_below(rng, 20) * (order_below(rng, 6) == 0 ? 500 : 50);
	t->fail_ppm = order_below(rng, 8) == 0 ? 1000 : order_below(rng, 4) * 50;
}

static void
draw_plan(struct ref *r, uint64_t *rng)
{
	uint32_t kinds = 1 + order_below(rng, 6), rank[TESTS_MAX], i, k;

	memset(r, 0, sizeof(*r));
	r->plan = (struct sched_plan){ .tests = r->tests, .resources = r->resources,
	    .ntests = 1 + order_below(rng, TESTS_MAX),
	    .nresources = order_below(rng, RES_MAX + 1),
	    .jobs = 1 + order_below(rng, 6), .by_history = order_below(rng, 10) > 0,
	    .shuffle = order_below(rng, 20) == 0 };
	for (i = 0; i < r->plan.nresources; i++)
		r->resources[i] = 1 + order_below(rng, 3);
	order_fill(rank, r->plan.ntests, true, order_random(rng));
	for (i = 0; i < r->plan.ntests; i++) {
		draw_test(r, i, kinds, rng);
		r->nodes[i].rank = rank[i];
		r->history |= r->tests[i].expected_us > 0;
		/* Tests with the same requirements are of one kind, the first's. */
		for (k = 0; k < i; k++) {
			const struct sched_test *a = &r->tests[i], *b = &r->tests[k];

			if (a->weight == b->weight && a->serial == b->serial &&
			    a->nneeds == b->nneeds && (a->nneeds == 0 ||
			    memcmp(a->needs, b->needs, a->nneeds * sizeof(*a->needs)) == 0)) {
				r->kind[i] = k;
				break;
			}
		}
	}
	r->history = r->history && r->plan.by_history && !r->plan.shuffle;
	r->reserver = NONE;
}

/* A test of that life, from a random one on; NONE. */
static uint32_t
any(const struct ref *r, enum life life, uint64_t *rng)
{
	uint32_t t = order_below(rng, r->plan.ntests), i;

	for (i = 0; i < r->plan.ntests; i++, t = (t + 1) % r->plan.ntests)
		if (r->life[t] == life)
			return t;
	return NONE;
}

static void
push(struct ref *r, struct queue *q, uint32_t t)
{
	if (!queue_possible(q, t))
		return;
	r->life[t] = WAITS;
	queue_push(q, t);
}

/* Starts until both have none; how many. */
static uint32_t
round_of_starts(struct ref *r, struct queue *q, uint32_t limit, uint64_t seed)
{
	uint32_t n = 0, want, got;

	do {
		want = ref_start(r, limit);
		if (!queue_start(q, limit, &got))
			got = NONE;
		if (got != want)
			fail_msg("seed %llu, limit %u: %u instead of %u",
			    (unsigned long long)seed, limit, got, want);
		assert_int_equal(queue_used(q), used(r));
	} while (want != NONE && ++n);
	return n;
}

static uint32_t
compare(uint64_t seed, uint32_t *due, uint32_t *reserved)
{
	static struct ref r;
	uint64_t rng = seed;
	uint32_t limit, starts = 0, again = 30, t;
	struct queue *q;

	draw_plan(&r, &rng);
	limit = r.plan.jobs;
	q = queue_new(&r.plan, r.nodes);
	assert_non_null(q);
	for (t = 0; t < r.plan.ntests; t++)
		push(&r, q, t);
	for (;;) {
		starts += round_of_starts(&r, q, limit, seed);
		t = any(&r, RUNS, &rng);
		if (t == NONE && any(&r, WAITS, &rng) == NONE)
			break;
		if (t != NONE) {
			r.life[t] = OUT;
			queue_release(q, t);
			/* Some come again. */
			if (again > 0 && order_below(&rng, 3) == 0) {
				again--;
				push(&r, q, t);
			}
		}
		limit = order_below(&rng, 4) > 0 ? r.plan.jobs :
		    order_below(&rng, r.plan.jobs + 2);
	}
	queue_free(q);
	*due += r.due;
	*reserved += r.reserved;
	return starts;
}

static void
same_choices_as_the_reference(void **state)
{
	const char *text = getenv("SIM_SEEDS"), *error = NULL;
	uint64_t seed, n = 3000, starts = 0;
	uint32_t due = 0, reserved = 0;

	(void)state;
	if (text != NULL) {
		n = (uint64_t)strtonum(text, 100, INT64_MAX, &error);
		assert_null(error);
	}
	for (seed = 1; seed <= n; seed++)
		starts += compare(seed, &due, &reserved);
	print_message("%llu plans, %llu starts, %u for their length, %u reserved\n",
	    (unsigned long long)n, (unsigned long long)starts, due, reserved);
	assert_true(due > n && reserved > n / 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_choices_as_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of supervisor/policy/forecast.c: plans known by hand, and what holds
 * for any plan. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/forecast.h"
#include "supervisor/policy/order.h"

#define NMAX	8
#define NEVER	UINT64_MAX

static const struct sched_need lock[] = { { 0, 1 } }, two[] = { { 1, 2 } },
    too_many[] = { { 1, 4 } }, unknown[] = { { 2, 1 } };
static const uint32_t have[] = { 1, 3 };

struct row {
	const char *name;
	uint32_t n, jobs;
	bool by_history;
	uint64_t makespan, bound;
	struct sched_test tests[NMAX];
	uint64_t start[NMAX];
};

static void
check_row(const struct row *row)
{
	const struct sched_plan plan = { .tests = row->tests, .ntests = row->n,
	    .resources = have, .nresources = 2, .jobs = row->jobs, .max_fail = 1,
	    .timeout_ms = 1, .by_history = row->by_history };
	struct forecast *f = forecast_new(&plan);
	uint32_t i;

	assert_non_null(f);
	assert_true(forecast_step(f, UINT32_MAX));
	if (forecast_makespan_us(f) != row->makespan || forecast_bound_us(f) != row->bound)
		fail_msg("%s: %llu us, at least %llu us", row->name,
		    (unsigned long long)forecast_makespan_us(f),
		    (unsigned long long)forecast_bound_us(f));
	for (i = 0; i < row->n; i++)
		if (forecast_start_us(f, i) != row->start[i])
			fail_msg("%s: test %u starts at %llu us", row->name, i,
			    (unsigned long long)forecast_start_us(f, i));
	assert_true(forecast_start_us(f, row->n) == NEVER);
	forecast_free(f);
}

#define T(us)		{ .weight = 1, .expected_us = us }
#define W(us, w)	{ .weight = w, .expected_us = us }
#define S(us)		{ .weight = 1, .expected_us = us, .serial = true }
#define R(us, need)	{ .weight = 1, .expected_us = us, .needs = need, .nneeds = 1 }

static void
known_plans(void **state)
{
	static const struct row v[] = {
		{ "no test", 0, 2, false, 0, 0, { { 0 } }, { 0 } },
		{ "no slot is one", 2, 0, false, 7, 7, { T(3), T(4) }, { 0, 3 } },
		{ "packs", 4, 2, false, 5000, 5000, { T(3000), T(4000), T(2000), T(1000) },
		    { 0, 0, 3000, 4000 } },
		{ "long at the end", 3, 2, false, 9, 6, { T(3), T(3), T(6) }, { 0, 0, 3 } },
		{ "the same by history", 3, 2, true, 6, 6, { T(3), T(3), T(6) }, { 0, 3, 0 } },
		{ "cut up", 2, 3, false, 1, 1, { T(1), T(1) }, { 0, 0 } },
		{ "wide", 3, 4, false, 12, 12, { W(5, 3), W(7, 9), T(2) }, { 0, 5, 0 } },
		{ "units", 3, 4, false, 10, 8, { W(5, 2), W(5, 2), W(5, 2) }, { 0, 0, 5 } },
		{ "serial", 3, 2, false, 14, 14, { S(10), T(4), T(3) }, { 0, 10, 10 } },
		{ "a lock", 3, 3, false, 9, 9, { R(4, lock), R(5, lock), T(1) }, { 0, 4, 0 } },
		/* Two of three each: 14 / 3, but none beside another. */
		{ "slots", 2, 3, false, 7, 5, { R(4, two), R(3, two) }, { 0, 4 } },
		{ "never", 4, 2, false, 4, 4, { { .skip = true, .expected_us = 99 },
		    R(99, too_many), R(99, unknown), T(4) }, { NEVER, NEVER, NEVER, 0 } },
		{ "no time", 3, 1, false, 1, 1, { T(0), T(1), T(0) }, { 0, 0, 1 } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		check_row(&v[i]);
}

/* ---- any plan ---- */

static void
draw_test(struct sched_test *t, uint64_t *rng)
{
	static const struct sched_need *const needs[] = { lock, lock, two, two, too_many };

	*t = (struct sched_test){ .weight = order_below(rng, 6) == 0 ? order_below(rng, 9) : 1,
	    .serial = order_below(rng, 12) == 0, .skip = order_below(rng, 20) == 0,
	    .expected_us = order_below(rng, 5000), .fail_ppm = order_below(rng, 50000) };
	if (order_below(rng, 3) == 0) {
		t->needs = needs[order_below(rng, 5)];
		t->nneeds = 1;
	}
}

/* All started once and in order, none after the end; the same in slices of one. */
static void
check_starts(const struct sched_plan *plan, const struct forecast *f,
    const struct forecast *sliced)
{
	uint32_t i, n, sliced_n, t, nstarted = 0;
	const uint32_t *order = forecast_order(f, &n);
	uint64_t last = 0, start;

	assert_memory_equal(order, forecast_order(sliced, &sliced_n), n * sizeof(*order));
	assert_int_equal(n, sliced_n);
	for (i = 0; i < n; i++) {
		t = order[i];
		start = forecast_start_us(f, t);
		assert_true(start >= last && start == forecast_start_us(sliced, t));
		assert_true(start + plan->tests[t].expected_us <= forecast_makespan_us(f));
		last = start;
	}
	for (t = 0; t < plan->ntests; t++) {
		nstarted += forecast_start_us(f, t) != NEVER;
		assert_true(!plan->tests[t].skip || forecast_start_us(f, t) == NEVER);
		assert_true(plan->tests[t].skip || plan->tests[t].needs == too_many ||
		    forecast_start_us(f, t) != NEVER);
	}
	assert_int_equal(n, nstarted);
}

static void
any_plan(void **state)
{
	enum { N = 200 };
	static struct sched_test tests[N];
	struct sched_plan plan = { .tests = tests, .resources = have, .nresources = 2 };
	struct forecast *f, *sliced;
	uint64_t rng = 1;
	uint32_t k, i, slices;

	(void)state;
	for (k = 0; k < 500; k++) {
		plan.ntests = order_below(&rng, N + 1);
		plan.jobs = 1 + order_below(&rng, 12);
		plan.by_history = k % 2;
		for (i = 0; i < plan.ntests; i++)
			draw_test(&tests[i], &rng);
		f = forecast_new(&plan);
		sliced = forecast_new(&plan);
		assert_true(f != NULL && sliced != NULL);
		assert_false(forecast_step(f, 0));
		assert_true(forecast_step(f, UINT32_MAX));
		for (slices = 1; !forecast_step(sliced, 1); slices++)
			assert_true(slices < 3 * N);
		assert_true(forecast_makespan_us(f) >= forecast_bound_us(f));
		check_starts(&plan, f, sliced);
		forecast_free(f);
		forecast_free(sliced);
	}
}

/* Tests of one length that divide evenly leave no slot idle. */
static void
even_plans_meet_the_bound(void **state)
{
	static struct sched_test tests[240];
	struct sched_plan plan = { .tests = tests, .ntests = 240 };
	struct forecast *f;
	uint32_t i;

	(void)state;
	for (i = 0; i < 240; i++)
		tests[i] = (struct sched_test)T(1500);
	for (plan.jobs = 1; plan.jobs <= 240; plan.jobs++) {
		plan.by_history = plan.jobs % 2;
		f = forecast_new(&plan);
		assert_non_null(f);
		assert_true(forecast_step(f, UINT32_MAX));
		assert_int_equal(forecast_makespan_us(f), (239 / plan.jobs + 1) * 1500);
		if (240 % plan.jobs == 0)
			assert_int_equal(forecast_makespan_us(f), forecast_bound_us(f));
		forecast_free(f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_plans),
		cmocka_unit_test(any_plan),
		cmocka_unit_test(even_plans_meet_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

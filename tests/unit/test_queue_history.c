/*
 * Unit tests of supervisor/policy/queue.c where the history gives the order: small
 * tables that can be checked by hand, and a plan of the largest size.
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

#define NMAX	8

struct row {
	const char *name;
	struct sched_plan plan;		/* by_history, shuffle, jobs */
	uint32_t limit;			/* 0: jobs */
	const char *want;		/* the tests as letters, in plan order A, B ... */
	struct sched_test tests[NMAX];
};

/* Each test is over before the next starts. */
static void
check_row(const struct row *row)
{
	struct heap_node nodes[NMAX] = { { 0 } };
	struct sched_plan plan = row->plan;
	char got[NMAX + 1] = "";
	uint32_t i, t;
	struct queue *q;

	plan.tests = row->tests;
	plan.ntests = (uint32_t)strlen(row->want);
	q = queue_new(&plan, nodes);
	assert_non_null(q);
	for (i = 0; i < plan.ntests; i++) {
		nodes[i].rank = i;
		queue_push(q, i);
	}
	for (i = 0; queue_start(q, row->limit > 0 ? row->limit : plan.jobs, &t); i++) {
		assert_true(i < plan.ntests);
		got[i] = (char)('A' + t);
		queue_release(q, t);
	}
	queue_free(q);
	if (strcmp(got, row->want) != 0)
		fail_msg("%s: %s instead of %s", row->name, got, row->want);
}

#define T(us, ppm, w)	{ .expected_us = us, .fail_ppm = ppm, .weight = w }

/*
 * Of these 19 ms of work two slots have 9.5 each.  A, 10 of at least 8.55, goes first;
 * D, 4, is too short for the next, 4.05, but fails most a second, then B does; of the
 * last three C is long again, 2 of at least 1.35.
 */
#define FIVE { T(10000, 1000, 1), T(2000, 20000, 1), T(2000, 1000, 1),	\
	T(4000, 500000, 1), T(1000, 1000, 1) }

static void
order_of_starts(void **state)
{
	static const struct row v[] = {
		{ "slack rule", { .by_history = true, .jobs = 2 }, 0, "ADBCE", FIVE },
		{ "not asked for", { .jobs = 2 }, 0, "ABCDE", FIVE },
		{ "shuffled", { .by_history = true, .shuffle = true, .jobs = 2 }, 0, "ABCDE",
		    FIVE },
		/* 19 ms for one slot: nothing is long. */
		{ "low limit", { .by_history = true, .jobs = 2 }, 1, "DBECA", FIVE },
		/* All are long for so many slots. */
		{ "many slots", { .by_history = true, .jobs = 64 }, 0, "ADBCE", FIVE },
		{ "nothing known", { .by_history = true, .jobs = 2 }, 0, "ABC",
		    { T(0, 1, 1), T(0, 9, 1), T(0, 5, 1) } },
		{ "all alike", { .by_history = true, .jobs = 2 }, 0, "ABCD",
		    { T(5, 1, 1), T(5, 1, 1), T(5, 1, 1), T(5, 1, 1) } },
		{ "some take no time", { .by_history = true, .jobs = 1 }, 0, "BDCA",
		    { T(9, 1, 1), T(0, 1, 1), T(9, 2, 1), T(0, 9, 1) } },
		/* 50 for four slots: 10 is not long.  Were B counted once, A would be. */
		{ "weight", { .by_history = true, .jobs = 4 }, 0, "BA",
		    { T(10, 1, 1), T(10, 9, 4) } },
		{ "wider than there is", { .by_history = true, .jobs = 4 }, 0, "BA",
		    { T(10, 1, 1), T(10, 9, 99) } },
		/* A and C share 4; what B takes is in no slot's share, and B never long. */
		{ "serial", { .by_history = true, .jobs = 2 }, 0, "ACB",
		    { T(3, 1, 1), { .expected_us = 100, .fail_ppm = 9, .serial = true },
		    T(1, 1, 1) } },
		/* E fails most a second; with nothing beside it the other serial ones follow. */
		{ "serial ones together", { .by_history = true, .jobs = 1 }, 0, "EBDAC",
		    { T(9, 9, 1), { .expected_us = 9, .fail_ppm = 5, .serial = true },
		    T(9, 8, 1), { .expected_us = 9, .fail_ppm = 4, .serial = true, .weight = 3 },
		    { .expected_us = 9, .fail_ppm = 10, .serial = true } } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		check_row(&v[i]);
}

/* A long wide test and a serial one that fails most a second, both before all others,
 * are passed over so often and no more; the long one is the first of the two. */
static void
passed_over_tests_reserve(void **state)
{
	enum { N = 60, SERIAL = N - 2, LONG = N - 1 };
	struct heap_node nodes[N] = { { 0 } };
	struct sched_test t[N];
	struct sched_plan plan = { .tests = t, .ntests = N, .jobs = 2, .by_history = true };
	uint32_t i, got, last, past;
	struct queue *q;

	(void)state;
	for (i = 0; i < N; i++)
		t[i] = (struct sched_test){ .weight = 1, .expected_us = 10, .fail_ppm = 1000 };
	t[SERIAL].serial = true;
	t[SERIAL].fail_ppm = 500000;
	t[LONG] = (struct sched_test){ .weight = 2, .expected_us = 9000, .fail_ppm = 1 };
	q = queue_new(&plan, nodes);
	assert_non_null(q);
	for (i = 0; i < N; i++)
		nodes[i].rank = i;
	queue_push(q, 0);
	assert_true(queue_start(q, 2, &last));
	for (i = 1; i < N; i++)
		queue_push(q, i);
	for (past = 0; queue_start(q, 2, &got); past++) {
		assert_true(got < SERIAL);
		queue_release(q, last);
		last = got;
	}
	assert_int_equal(past, SCHED_BYPASS_MAX);
	queue_release(q, last);
	assert_true(queue_start(q, 2, &got));
	assert_int_equal(got, LONG);
	queue_release(q, got);
	assert_true(queue_start(q, 2, &got));
	assert_int_equal(got, SERIAL);
	queue_free(q);
}

/* A plan of the largest size goes through; what waits is given up at the end. */
static void
large_plan(void **state)
{
	enum { N = 100000, JOBS = 16 };
	struct sched_test *t = calloc(N, sizeof(*t));
	struct heap_node *nodes = calloc(N, sizeof(*nodes));
	struct sched_plan plan = { .tests = t, .ntests = N, .jobs = JOBS, .by_history = true };
	uint32_t i, n, got, first[JOBS];
	uint64_t rng = 1;
	struct queue *q;

	(void)state;
	assert_true(t != NULL && nodes != NULL);
	for (i = 0; i < N; i++)
		t[i] = (struct sched_test){ .weight = 1 + (i % 100 == 0),
		    .expected_us = 1 + order_below(&rng, 1000000),
		    .fail_ppm = order_below(&rng, 100000) };
	q = queue_new(&plan, nodes);
	assert_non_null(q);
	for (i = 0; i < N; i++) {
		nodes[i].rank = i;
		queue_push(q, i);
	}
	for (n = 0; n < N - 100; n++) {
		if (n >= JOBS / 2)
			queue_release(q, first[n % (JOBS / 2)]);
		assert_true(queue_start(q, JOBS, &got));
		first[n % (JOBS / 2)] = got;
	}
	queue_clear(q);
	assert_false(queue_start(q, JOBS, &got));
	queue_push(q, 7);
	assert_true(queue_start(q, JOBS, &got));
	assert_int_equal(got, 7);
	queue_free(q);
	free(nodes);
	free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_of_starts),
		cmocka_unit_test(passed_over_tests_reserve),
		cmocka_unit_test(large_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Unit tests of supervisor/policy/queue.c, through sched.h: who goes past whom,
 * reservation, demand, and plans of the largest size.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/sched.h"

#define TICK		{ .type = SCHED_IN_TICK }
#define CANCEL		{ .type = SCHED_IN_CANCEL }
#define OVER(t, a, o)	{ .type = SCHED_IN_DONE, .test = t, .attempt = a,	\
			  .outcome = OUTCOME_##o }

/* A plan of the tests in the array `t`, 4 jobs. */
#define PLAN_WITH(t, ...) (&(struct sched_plan){ .tests = (t),		\
	.ntests = sizeof(t) / sizeof((t)[0]), .jobs = 4, __VA_ARGS__ })

/*
 * Test 0 starts first and stays; test 1 does not fit beside it; the others come
 * and go, the oldest first, until none can start.  Then 0 ends, and 1 must start.
 * Returns how many of the others with the needs of 1 (all, if it has none)
 * started before it.
 */
static uint32_t
starts_past(const struct sched_plan *plan)
{
	struct sched *s = sched_new(plan, 0);
	struct sched_in in = TICK;
	uint32_t fifo[256], head = 0, tail = 0, past = 0, i, t;
	struct sched_out out;
	bool zero_over = false;

	assert_non_null(s);
	for (;;) {
		sched_step(s, 0, plan->jobs, &in, &out);
		for (i = 0; i < out.n; i++) {
			t = out.v[i].test;
			if (out.v[i].type != SCHED_ACT_START || t == 0)
				continue;
			if (t == 1) {
				assert_true(zero_over);
				sched_free(s);
				return past;
			}
			assert_false(zero_over);
			past += plan->tests[t].nneeds >= plan->tests[1].nneeds;
			fifo[tail++] = t;
		}
		assert_false(zero_over && head == tail);
		if (head < tail) {
			in = (struct sched_in)OVER(fifo[head], 1, PASS);
			head++;
		} else {
			in = (struct sched_in)OVER(0, 1, PASS);
			zero_over = true;
		}
	}
}

static void
a_passed_over_test_reserves(void **state)
{
	static const struct sched_need one[] = { { 0, 1 } }, both[] = { { 0, 2 } };
	static const uint32_t have[] = { 2 };
	struct sched_test t[200];
	struct sched_plan *plan = PLAN_WITH(t, .resources = have, .nresources = 1);
	uint32_t i;

	(void)state;
	for (i = 0; i < 200; i++)
		t[i] = (struct sched_test){ .weight = 1 };
	t[1].weight = 4;
	assert_int_equal(starts_past(plan), SCHED_BYPASS_MAX);
	t[1].weight = 9;
	assert_int_equal(starts_past(plan), SCHED_BYPASS_MAX);
	t[1] = (struct sched_test){ .serial = true };
	assert_int_equal(starts_past(plan), SCHED_BYPASS_MAX);

	/* A resource is kept from those that want it, and from nobody else. */
	t[1] = (struct sched_test){ .needs = both, .nneeds = 1 };
	for (i = 0; i < 200; i++)
		if (i % 2 == 0)
			t[i] = (struct sched_test){ .needs = one, .nneeds = 1 };
	/* Of those 16 it is every third, since one unit of it is left. */
	assert_int_equal(starts_past(plan), (SCHED_BYPASS_MAX + 2) / 3);
}

/* To name a resource and to take none of it is not to want it. */
static void
needs_of_nothing(void **state)
{
	static const struct sched_need one[] = { { 0, 1 } }, zero[] = { { 0, 0 } };
	static const uint32_t have[] = { 1 };
	struct sched_test t[40];
	uint32_t i;

	(void)state;
	for (i = 0; i < 40; i++)
		t[i] = (struct sched_test){ .needs = i < 2 ? one : zero, .nneeds = 1 };
	assert_int_equal(starts_past(PLAN_WITH(t, .resources = have, .nresources = 1)), 38);
}

/* The reserver starts as soon as it fits, beside others that leave it room. */
static void
reservation_leaves_room(void **state)
{
	static const struct sched_need a[] = { { 0, 1 } };
	static const uint32_t have[] = { 1 };
	struct sched_test t[40];
	struct sched *s;
	struct sched_out out;
	struct sched_count count;
	uint32_t i;

	(void)state;
	for (i = 0; i < 40; i++)
		t[i] = (struct sched_test){ .weight = 1 };
	t[0] = (struct sched_test){ .needs = a, .nneeds = 1 };
	t[1] = (struct sched_test){ .needs = a, .nneeds = 1, .weight = 2 };
	s = sched_new(PLAN_WITH(t, .resources = have, .nresources = 1), 0);
	assert_non_null(s);
	sched_step(s, 0, 4, &(struct sched_in)TICK, &out);
	assert_int_equal(out.n, 4);			/* 0, 2, 3, 4 */
	for (i = 2; i < 15; i++) {
		sched_step(s, 0, 4, &(struct sched_in)OVER(i, 1, PASS), &out);
		assert_int_equal(out.n, 2);
	}
	/* 16 have gone past.  The lock is taken, and 2 of 4 units are kept. */
	sched_step(s, 0, 4, &(struct sched_in)OVER(15, 1, PASS), &out);
	assert_int_equal(out.n, 1);
	sched_step(s, 0, 4, &(struct sched_in)OVER(16, 1, PASS), &out);
	assert_int_equal(out.n, 1);
	sched_step(s, 0, 4, &(struct sched_in)OVER(17, 1, PASS), &out);
	assert_int_equal(out.n, 2);			/* 0 and one more */
	sched_count(s, &count);
	assert_int_equal(count.used, 2);
	assert_int_equal(count.demand, 2);
	sched_step(s, 0, 4, &(struct sched_in)OVER(0, 1, PASS), &out);
	assert_int_equal(out.v[1].type, SCHED_ACT_START);
	assert_int_equal(out.v[1].test, 1);
	assert_int_equal(out.n, 3);			/* the last unit is free again */
	sched_free(s);
}

static void
counts_and_demand(void **state)
{
	static const struct sched_need a[] = { { 0, 1 } };
	static const uint32_t have[] = { 1 };
	static const struct sched_retry once = { .count = 1, .delay_ms = 9 };
	static const struct sched_test t[] = {
		{ .needs = a, .nneeds = 1 }, { .needs = a, .nneeds = 1 }, { .weight = 2 },
		{ .skip = true }, { .retry = &once },
		{ .serial = true },
	};
	static const struct {
		uint64_t now;
		uint32_t limit;
		struct sched_in in;
		struct sched_count want;
	} v[] = {
		/* A test that waits for the lock or to be alone is no demand. */
		{ 0, 0, TICK, { 5, 0, 0, 1, 0, 4 } },
		{ 0, 1, TICK, { 4, 0, 1, 1, 1, 4 } },
		{ 0, 4, TICK, { 2, 0, 3, 1, 4, 4 } },
		{ 1, 4, OVER(4, 1, FAIL), { 2, 1, 2, 1, 3, 3 } },
		{ 2, 4, OVER(2, 1, PASS), { 2, 1, 1, 2, 1, 1 } },
		{ 2, 1, OVER(0, 1, PASS), { 1, 1, 1, 3, 1, 1 } },
		{ 10, 1, TICK, { 2, 0, 1, 3, 1, 2 } },
		{ 11, 1, OVER(1, 1, PASS), { 1, 0, 1, 4, 1, 1 } },
		{ 12, 0, OVER(4, 2, PASS), { 1, 0, 0, 5, 0, 1 } },
		{ 13, 0, CANCEL, { 0, 0, 0, 6, 0, 0 } },
	};
	struct sched *s = sched_new(PLAN_WITH(t, .resources = have, .nresources = 1), 0);
	struct sched_count got;
	struct sched_out out;
	size_t i;

	(void)state;
	assert_non_null(s);
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		sched_step(s, v[i].now, v[i].limit, &v[i].in, &out);
		sched_count(s, &got);
		if (memcmp(&got, &v[i].want, sizeof(got)) != 0)
			fail_msg("step %zu: queued %u delayed %u running %u done %u used %u "
			    "demand %u", i, got.queued, got.delayed, got.running, got.done,
			    got.used, got.demand);
	}
	sched_free(s);
}

/* A plan of the largest size goes through, whatever its tests need: the work of
 * a step does not grow with the number of tests. */
static void
large_plans(void **state)
{
	enum { N = 100000 };
	struct sched_test *t = calloc(N, sizeof(*t));
	struct sched_need *needs = calloc(N, sizeof(*needs));
	struct sched_plan plan = { .tests = t, .ntests = N, .jobs = 4, .shuffle = true };
	uint32_t *have = calloc(N, sizeof(*have)), kinds, i, k, done, fifo[8], head, tail;
	struct sched_in in;
	struct sched_out out;
	struct sched *s;

	(void)state;
	assert_true(t != NULL && needs != NULL && have != NULL);
	plan.resources = have;
	plan.nresources = N;
	for (kinds = 1; kinds <= N; kinds *= 100) {
		for (i = 0; i < N; i++) {
			have[i] = 1;
			needs[i] = (struct sched_need){ i % kinds, kinds > 1 };
			t[i] = (struct sched_test){ .needs = &needs[i], .nneeds = 1 };
		}
		s = sched_new(&plan, 0);
		assert_non_null(s);
		in = (struct sched_in)TICK;
		for (done = head = tail = 0; done < N; done++) {
			sched_step(s, done, 4, &in, &out);
			for (k = 0; k < out.n; k++)
				if (out.v[k].type == SCHED_ACT_START)
					fifo[tail++ % 8] = out.v[k].test;
			assert_true(head < tail);
			in = (struct sched_in)OVER(fifo[head % 8], 1, PASS);
			head++;
		}
		sched_step(s, done, 4, &in, &out);
		assert_int_equal(out.v[out.n - 1].type, SCHED_ACT_RUN_DONE);
		sched_free(s);
	}
	free(have);
	free(needs);
	free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_passed_over_test_reserves),
		cmocka_unit_test(needs_of_nothing),
		cmocka_unit_test(reservation_leaves_room),
		cmocka_unit_test(counts_and_demand),
		cmocka_unit_test(large_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

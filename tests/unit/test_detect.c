/*
 * Unit tests of a run that detects flaky tests: supervisor/policy/detect.c with life.c
 * and recall.c, through sched.h.
 */
#include <math.h>

#include "supervisor/policy/order.h"
#include "tests/unit/sched_fixture.h"

/* Three attempts of each test; as many as the verdict needs. */
#define THREE	{ .on = true, .runs = 3, .threshold = 0.1, .alpha = 0.01, .beta = 0.05,	\
		  .noise = 0.001, .rate = 0.05 }

static void
each_runs_so_often(void **state)
{
	static const struct sched_test t[] = { { .weight = 1 }, { .weight = 1 } };
	static const struct sched_test one[] = { { .weight = 1 } };

	(void)state;
	/* It did both, failed each time: nothing is retried, whatever it fails with. */
	PLAY(PLAN_WITH(one, .flake = THREE), { 0, 1, TICK, "+0.1", NEVER },
	    { 1, 1, OVER(0, 1, FAIL), "+0.2", NEVER },
	    { 2, 1, OVER(0, 2, PASS), "+0.3", NEVER },
	    { 3, 1, OVER(0, 3, TIMEOUT), "0=pass~ end", NEVER });
	PLAY(PLAN_WITH(one, .flake = THREE), { 0, 1, TICK, "+0.1", NEVER },
	    { 1, 1, OVER(0, 1, FAIL), "+0.2", NEVER },
	    { 2, 1, OVER(0, 2, CRASH), "+0.3", NEVER },
	    { 3, 1, OVER(0, 3, TIMEOUT), "0=timeout end", NEVER });
	PLAY(PLAN_WITH(one, .flake = THREE), { 0, 1, TICK, "+0.1", NEVER },
	    { 1, 1, OVER(0, 1, PASS), "+0.2", NEVER },
	    { 2, 1, OVER(0, 2, PASS), "+0.3", NEVER },
	    { 3, 1, OVER(0, 3, PASS), "0=pass end", NEVER });
	/* What is no evidence ends its test; the other goes on. */
	PLAY(PLAN_WITH(t, .flake = THREE), { 0, 1, TICK, "+0.1", NEVER },
	    { 1, 1, OVER(0, 1, SKIP), "0=skip +1.1", NEVER },
	    { 2, 1, OVER(1, 1, PASS), "+1.2", NEVER },
	    { 3, 1, OVER(1, 2, EXEC_ERROR), "1=error end", NEVER });
}

static void
a_lost_attempt_is_no_evidence(void **state)
{
	static const struct sched_test t[] = { { .weight = 1 } };

	(void)state;
	PLAY(PLAN_WITH(t, .flake = THREE), { 0, 1, TICK, "+0.1", NEVER },
	    { 1, 1, OVER(0, 1, PASS), "+0.2", NEVER },
	    { 2, 1, OVER(0, 2, LOST), "+0.3", NEVER },
	    { 3, 1, OVER(0, 3, FAIL), "+0.4", NEVER },
	    { 4, 1, OVER(0, 4, PASS), "0=pass~ end", NEVER });
	PLAY(PLAN_WITH(t, .flake = THREE), { 0, 1, TICK, "+0.1", NEVER },
	    { 1, 1, OVER(0, 1, LOST), "+0.2", NEVER },
	    { 2, 1, OVER(0, 2, LOST), "+0.3", NEVER },
	    { 3, 1, OVER(0, 3, LOST), "+0.4", NEVER },
	    { 4, 1, OVER(0, 4, LOST), "0=error? end", NEVER });
}

static void
a_cancelled_run_ends(void **state)
{
	static const struct sched_test t[] = { { .weight = 1 }, { .weight = 1 } };

	(void)state;
	PLAY(PLAN_WITH(t, .flake = THREE), { 0, 1, TICK, "+0.1", NEVER },
	    { 1, 1, OVER(0, 1, PASS), "+1.1", NEVER },
	    { 2, 1, CANCEL, "stop:cancel kill 1.1 0=cancelled", NEVER },
	    { 3, 1, OVER(1, 1, CANCELLED), "1=cancelled end", NEVER });
	/* One that ended just then has what it came to. */
	PLAY(PLAN_WITH(t, .flake = THREE), { 0, 2, TICK, "+0.1 +1.1", NEVER },
	    { 1, 2, CANCEL, "stop:cancel kill 1.1 kill 0.1", NEVER },
	    { 2, 2, OVER(0, 1, PASS), "0=pass", NEVER },
	    { 3, 2, OVER(1, 1, FAIL), "1=fail end", NEVER });
}

/* What the end of the run's time kills has not timed out by itself. */
static void
the_time_of_the_run_is_up(void **state)
{
	static const struct sched_test t[] = { { .weight = 1 }, { .weight = 1 } };

	(void)state;
	PLAY(PLAN_WITH(t, .flake = THREE, .timeout_ms = 10), { 0, 1, TICK, "+0.1", 10 },
	    { 1, 1, OVER(0, 1, PASS), "+1.1", 10 },
	    { 10, 1, TICK, "stop:timeout kill 1.1@ 0=cancelled", NEVER },
	    { 11, 1, OVER(1, 1, TIMEOUT), "1=cancelled end", NEVER });
}

/* ---- many tests, each with a chance to fail ---- */

#define N	60
#define SLOTS	4

struct campaign {
	struct sched	*s;
	uint64_t	 seed;
	uint32_t	 starts[N], order[N * 4];
	uint32_t	 running[SLOTS], nrunning, nstarts;
	bool		 on[N], over[N], flaky[N];
	bool		 end;
};

/* Every third test fails at 0.3, one fails always. */
static enum outcome
drawn(struct campaign *c, uint32_t t)
{
	if (t == 7)
		return OUTCOME_FAIL;
	return t % 3 == 0 && order_below(&c->seed, 10) < 3 ? OUTCOME_FAIL : OUTCOME_PASS;
}

/* No test runs again while one that waits has run less often. */
static void
check_breadth(const struct campaign *c, uint32_t t)
{
	for (uint32_t u = 0; u < N; u++)
		if (u != t && !c->on[u] && !c->over[u] && c->starts[u] + 1 < c->starts[t])
			fail_msg("test %u has run %u times, %u %u times", t, c->starts[t], u,
			    c->starts[u]);
}

static void
took(struct campaign *c, const struct sched_out *out)
{
	for (uint32_t i = 0; i < out->n; i++) {
		const struct sched_act	*a = &out->v[i];

		if (a->type == SCHED_ACT_START) {
			assert_false(c->on[a->test] || c->over[a->test]);
			assert_int_equal(a->attempt, ++c->starts[a->test]);
			check_breadth(c, a->test);
			c->on[a->test] = true;
			c->running[c->nrunning++] = a->test;
			if (c->nstarts < N * 4)
				c->order[c->nstarts++] = a->test;
		} else if (a->type == SCHED_ACT_VERDICT) {
			assert_false(c->over[a->test]);
			c->over[a->test] = true;
			c->flaky[a->test] = a->flaky;
			assert_int_equal(a->fails + a->passes, c->starts[a->test]);
		} else {
			assert_int_equal(a->type, SCHED_ACT_RUN_DONE);
			c->end = true;
		}
	}
}

static void
run(struct campaign *c, const struct sched_plan *plan)
{
	struct sched_in		in = { .type = SCHED_IN_TICK };
	struct sched_out	out;

	c->s = sched_new(plan, 0);
	assert_non_null(c->s);
	for (uint64_t now = 1; !c->end; now++) {
		sched_step(c->s, now, SLOTS, &in, &out);
		took(c, &out);
		if (out.next == now || c->end) {
			in = (struct sched_in){ .type = SCHED_IN_TICK };
			continue;
		}
		assert_true(c->nrunning > 0);
		in = (struct sched_in){ .type = SCHED_IN_DONE, .test = c->running[0],
		    .attempt = c->starts[c->running[0]], .outcome = drawn(c, c->running[0]) };
		c->on[in.test] = false;
		c->nrunning--;
		memmove(c->running, c->running + 1, c->nrunning * sizeof c->running[0]);
	}
	sched_free(c->s);
}

static void
all_before_any_again(void **state)
{
	static struct campaign		c = { .seed = 5 };
	static struct sched_test	t[N];
	struct flake_policy		p = { .on = true };
	uint32_t			moved = 0;

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		t[i].weight = 1;
	run(&c, &(struct sched_plan){ .tests = t, .ntests = N, .jobs = SLOTS, .seed = 3,
	    .flake = flake_defaults(&p) });
	for (uint32_t i = 0; i < N; i++) {
		/* A third of them at a rate of 0.3: found, and long before a stable one
		 * is dismissed after 60. */
		assert_int_equal(c.flaky[i], i % 3 == 0);
		if (i % 3 == 0)
			assert_in_range(c.starts[i], 3, 59);
		else
			assert_int_equal(c.starts[i], 60);
	}
	/* Each round has other neighbours. */
	for (uint32_t i = 0; i < N; i++)
		moved += c.order[N + i] != c.order[2 * N + i];
	assert_true(moved > N / 2);
}

/* ---- attempts that are no evidence ---- */

/* Plays a run of one test; how many attempts under each condition, and its counts. */
static struct sched_act
play_one(const struct sched_plan *plan, bool (*fails)(uint32_t, enum flake_condition),
    uint32_t seen[FLAKE_CONDITION_COUNT])
{
	struct sched	*s = sched_new(plan, 0);
	struct sched_in	 in = TICK;
	struct sched_act verdict = { .test = 9 };
	struct sched_out out;
	uint32_t	 i, n = 0;

	assert_non_null(s);
	memset(seen, 0, FLAKE_CONDITION_COUNT * sizeof *seen);
	while (verdict.test == 9 && n < 70000) {
		sched_step(s, 0, ALL, &in, &out);
		for (i = 0; i < out.n; i++) {
			if (out.v[i].type == SCHED_ACT_VERDICT)
				verdict = out.v[i];
			if (out.v[i].type != SCHED_ACT_START)
				continue;
			n++;
			seen[out.v[i].condition]++;
			in = (struct sched_in)OVER(0, out.v[i].attempt, PASS);
			if (fails(out.v[i].attempt, out.v[i].condition))
				in.outcome = OUTCOME_FAIL;
		}
	}
	sched_free(s);
	return verdict;
}

static bool
each_fifth(uint32_t attempt, enum flake_condition c)
{
	(void)c;
	return attempt % 5 == 0;
}

static bool
beside_copies(uint32_t attempt, enum flake_condition c)
{
	(void)attempt;
	return c == FLAKE_COPIES;
}

static void
what_is_decided_runs_for_the_cause(void **state)
{
	static const struct sched_test	t[] = { { .weight = 1 } };
	struct flake_policy		p = { .on = true, .provoke = true, .diagnose = 40,
	    .conditions = 1u << FLAKE_PAUSED | 1u << FLAKE_ZONE | FLAKE_ASIDE };
	struct sched_plan		plan = { .tests = t, .ntests = 1, .jobs = 1, .seed = 9 };
	uint32_t			seen[FLAKE_CONDITION_COUNT];
	struct sched_act		a;

	(void)state;
	plan.flake = flake_defaults(&p);
	/* A flaky one; no count is changed by that. */
	a = play_one(&plan, each_fifth, seen);
	assert_int_equal(a.fails, 2);
	assert_int_equal(a.passes, 8);
	assert_int_equal(a.attempt, 50);
	for (uint32_t c = 0; c < FLAKE_CONDITION_COUNT; c++)
		assert_int_equal(seen[c] >= 4, c == FLAKE_PLAIN || (p.conditions >> c & 1) != 0);
	assert_int_equal(a.status, TEST_PASS);
	/* A stable one: twice beside copies, which it may not bear, and stays stable. */
	a = play_one(&plan, beside_copies, seen);
	assert_int_equal(a.passes, 60);
	assert_int_equal(a.fails, 0);
	assert_int_equal(seen[FLAKE_COPIES], 2);
	assert_int_equal(seen[FLAKE_FIXED_LAYOUT], 0);
	assert_false(a.flaky);
	/* Not unless conditions are changed. */
	plan.flake.provoke = false;
	a = play_one(&plan, each_fifth, seen);
	assert_int_equal(a.attempt, 10);
	plan.flake.provoke = true;
	plan.flake.diagnose = 0;
	a = play_one(&plan, each_fifth, seen);
	assert_int_equal(a.attempt, 10);
}

/* At most so many at once after failures, plain ones, before the others; none of a test that
 * mostly fails.  Returns how many there were. */
static uint32_t
play_two(uint32_t every, uint32_t *ret_others)
{
	static const struct sched_test	t[] = { { .weight = 1 }, { .weight = 1 } };
	struct flake_policy		p = { .on = true, .provoke = true, .diagnose = 168,
	    .conditions = 1u << FLAKE_ZONE | 1u << FLAKE_PAUSED };
	struct sched_plan		plan = { .tests = t, .ntests = 2, .jobs = 1, .seed = 9 };
	struct sched_in			in = { .type = SCHED_IN_TICK };
	struct sched_out		out = { .n = 0 };
	struct sched			*s;
	uint32_t			 again = 0;
	uint64_t			 state;
	bool				 failed = false;

	*ret_others = 0;
	plan.flake = flake_defaults(&p);
	s = sched_new(&plan, 0);
	assert_non_null(s);
	for (;;) {
		uint32_t	before = in.test;
		bool		was = failed;

		sched_step(s, 0, 1, &in, &out);
		if (out.n == 0 || out.v[0].type != SCHED_ACT_START)
			break;
		/* The first one fails each so many times, plainly; the second never does. */
		state = out.v[0].attempt * UINT64_C(0x9e3779b97f4a7c15);
		failed = out.v[0].test == 0 && order_below(&state, every) == 0 &&
		    out.v[0].condition == FLAKE_PLAIN;
		if (was && before == 0 && out.v[0].test == 0)
			again++;
		else if (was)
			++*ret_others;
		in = (struct sched_in){ .type = SCHED_IN_DONE, .test = out.v[0].test,
		    .attempt = out.v[0].attempt,
		    .outcome = failed ? OUTCOME_FAIL : OUTCOME_PASS };
	}
	sched_free(s);
	return again;
}

static void
a_failure_is_looked_at_again_at_once(void **state)
{
	uint32_t	others;

	(void)state;
	assert_true(play_two(5, &others) >= 5);
	assert_true(play_two(3, &others) <= 16);
	assert_true(others > 0);
}

/* ---- budgets ---- */

static void
a_budget_of_attempts(void **state)
{
	static const struct sched_test t[] = { { .weight = 1 }, { .weight = 1 }, { .weight = 1 } };
	static const struct flake_record r[] = { { .group = 0 }, { .group = 0, .fails = 3,
	    .passes = 20 }, { .group = 0, .passes = 64 } };
	struct flake_policy p = { .on = true, .budget = 2 };

	(void)state;
	p = flake_defaults(&p);
	/* The one that has failed before goes first, the one with the most passes last. */
	PLAY(PLAN_WITH(t, .flake = p, .records = r), { 0, 1, TICK, "+1.1", ANY },
	    { 1, 1, OVER(1, 1, PASS), "+1.2", ANY },
	    { 2, 1, OVER(1, 2, FAIL), "0=cancelled 1=pass~ 2=cancelled end", NEVER });
}

static void
a_budget_of_time(void **state)
{
	static const struct sched_test t[] = { { .weight = 1 }, { .weight = 1 } };
	struct flake_policy p = { .on = true, .budget_ms = 100 };

	(void)state;
	p = flake_defaults(&p);
	PLAY(PLAN_WITH(t, .flake = p), { 0, 2, TICK, "+1.1 +0.1", ANY },
	    { 99, 2, OVER(0, 1, FAIL), "+0.2", ANY },
	    { 100, 2, OVER(1, 1, PASS), "1=pass", ANY },
	    { 120, 2, OVER(0, 2, FAIL), "0=fail end", NEVER });
}

/* What a budget leaves for one test is more than can be counted of it. */
static void
a_budget_has_an_end_for_each_test(void **state)
{
	static const struct sched_test	t[] = { { .weight = 1 } };
	struct flake_policy		p = { .on = true, .budget = 69000 };
	struct sched_plan		plan = { .tests = t, .ntests = 1, .jobs = 1 };
	uint32_t			seen[FLAKE_CONDITION_COUNT];
	struct sched_act		a;

	(void)state;
	plan.flake = flake_defaults(&p);
	a = play_one(&plan, never, seen);
	assert_int_equal(a.passes, FLAKE_RUNS_MAX);
	assert_int_equal(a.attempt, FLAKE_RUNS_MAX);
}

/* A group of tests, one of which is flaky: it has to be confirmed among all, not only be
 * found, and the others have more attempts than those of another group. */
static void
a_budget_goes_where_something_was_found(void **state)
{
	static const struct sched_test	t[8] = { { .weight = 1 } };
	static const struct flake_record r[8] = { { 1, 0, 0 }, { 1, 0, 0 }, { 1, 0, 0 },
	    { 1, 0, 0 } };
	struct flake_policy	p = { .on = true, .budget = 120 };
	struct sched_plan	plan = { .tests = t, .ntests = 8, .jobs = 1, .seed = 4,
	    .records = r };
	struct sched_in		in = TICK;
	uint32_t		runs[8] = { 0 }, fails = 0, passes = 0, i;
	struct sched_out	out;
	struct sched		*s;

	(void)state;
	plan.flake = flake_defaults(&p);
	s = sched_new(&plan, 0);
	assert_non_null(s);
	for (bool over = false; !over;) {
		sched_step(s, 0, ALL, &in, &out);
		for (i = 0; i < out.n; i++) {
			over = over || out.v[i].type == SCHED_ACT_RUN_DONE;
			if (out.v[i].type == SCHED_ACT_VERDICT && out.v[i].test == 0) {
				fails = out.v[i].fails;
				passes = out.v[i].passes;
			}
			if (out.v[i].type != SCHED_ACT_START)
				continue;
			runs[out.v[i].test]++;
			in = (struct sched_in)OVER(out.v[i].test, out.v[i].attempt, PASS);
			if (out.v[i].test == 0 && out.v[i].attempt % 3 == 0)
				in.outcome = OUTCOME_FAIL;
		}
	}
	sched_free(s);
	assert_true(flake_evidence(&plan.flake, fails, passes) >= log(8 / plan.flake.fdr));
	assert_true(runs[1] + runs[2] + runs[3] > (runs[4] + runs[5] + runs[6] + runs[7]) * 3 / 2);
	for (i = 0, fails = 0; i < 8; i++)
		fails += runs[i];
	assert_int_equal(fails, 120);
}

/* ---- until it fails ---- */

#define UNTIL(n)	{ .on = true, .runs = 9, .threshold = 0.1, .alpha = 0.01, .beta = 0.05,	\
			  .noise = 0.001, .rate = 0.05, .until_fails = n }

static void
so_many_failures_end_a_test(void **state)
{
	static const struct sched_test	one[] = { { .weight = 1 } };
	static const struct sched_test	two[] = { { .weight = 1 }, { .weight = 1 } };

	(void)state;
	PLAY(PLAN_WITH(one, .flake = UNTIL(1)), { 0, 1, TICK, "+0.1", NEVER },
	    { 1, 1, OVER(0, 1, PASS), "+0.2", NEVER },
	    { 2, 1, OVER(0, 2, CRASH), "0=fail end", NEVER });
	PLAY(PLAN_WITH(one, .flake = UNTIL(2)), { 0, 1, TICK, "+0.1", NEVER },
	    { 1, 1, OVER(0, 1, TIMEOUT), "+0.2", NEVER },
	    { 2, 1, OVER(0, 2, PASS), "+0.3", NEVER },
	    { 3, 1, OVER(0, 3, TIMEOUT), "0=timeout end", NEVER });
	/* It is a failed test, so that it can end the run. */
	PLAY(PLAN_WITH(two, .flake = UNTIL(1), .max_fail = 1), { 0, 2, TICK, "+0.1 +1.1", NEVER },
	    { 1, 2, OVER(1, 1, FAIL), "1=fail stop:max_fail", NEVER },
	    { 2, 2, OVER(0, 1, PASS), "0=pass end", NEVER });
}

/* ---- after the supervisor was lost ---- */

static void
what_was_counted_is_kept(void **state)
{
	static const struct sched_test	t[] = { { .weight = 1 }, { .weight = 1 }, { .weight = 1 } };
	static const struct sched_past	past[] = {
		/* Two results are on record, the second one not yet decided upon. */
		{ .attempts = 2, .passes = 1, .open = true, .last = OVER(0, 2, FAIL) },
		/* Its third was running. */
		{ .attempts = 3, .lost = 1, .passes = 2 },
		/* Its last has been its third. */
		{ .attempts = 3, .fails = 2, .open = true, .last = OVER(2, 3, FAIL) },
	};
	static const struct sched_in	tick = TICK, third = OVER(0, 3, PASS),
	    fourth = OVER(1, 4, PASS);
	struct sched			*s = sched_new(PLAN_WITH(t, .flake = THREE), 0);
	struct sched_out		 out;
	char				 text[2048];

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		sched_recall(s, i, &past[i]);
	sched_step(s, 0, 4, &tick, &out);
	write_out(&out, text, sizeof text);
	if (strcmp(text, "2=fail +1.4 +0.3") != 0)
		assert_string_equal(text, "2=fail +0.3 +1.4");
	sched_step(s, 1, 4, &third, &out);
	write_out(&out, text, sizeof text);
	assert_string_equal(text, "0=pass~");
	sched_step(s, 2, 4, &fourth, &out);
	write_out(&out, text, sizeof text);
	assert_string_equal(text, "1=pass end");
	sched_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_runs_so_often),
		cmocka_unit_test(a_lost_attempt_is_no_evidence),
		cmocka_unit_test(a_cancelled_run_ends),
		cmocka_unit_test(the_time_of_the_run_is_up),
		cmocka_unit_test(all_before_any_again),
		cmocka_unit_test(so_many_failures_end_a_test),
		cmocka_unit_test(what_was_counted_is_kept),
		cmocka_unit_test(what_is_decided_runs_for_the_cause),
		cmocka_unit_test(a_failure_is_looked_at_again_at_once),
		cmocka_unit_test(a_budget_of_attempts),
		cmocka_unit_test(a_budget_of_time),
		cmocka_unit_test(a_budget_has_an_end_for_each_test),
		cmocka_unit_test(a_budget_goes_where_something_was_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

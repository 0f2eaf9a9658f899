/*
 * Unit tests of supervisor/policy/sched.c and life.c, but for what retries add: that is
 * in test_sched_retry.c.
 */
#include "supervisor/policy/order.h"
#include "tests/unit/sched_fixture.h"

static void
nothing_to_run(void **state)
{
	static const struct sched_test skips[] = { { .skip = true }, { .skip = true } };

	(void)state;
	PLAY((&(struct sched_plan){ .jobs = 1 }),
	    { 0, 1, TICK, "end", NEVER }, { 5, 1, CANCEL, "", NEVER });
	PLAY(PLAN(skips), { 0, 4, TICK, "0=skip 1=skip end", NEVER },
	    { 1, 4, CANCEL, "", NEVER });
	sched_free(NULL);
}

static void
starts_in_order_up_to_the_limit(void **state)
{
	static const struct sched_test t[6];

	(void)state;
	PLAY(PLAN(t), { 0, 0, TICK, "", NEVER },
	    { 0, 3, TICK, "+0.1 +1.1 +2.1", NEVER },
	    { 1, 1, OVER(1, 1, PASS), "1=pass", NEVER },
	    { 2, 9, TICK, "+3.1 +4.1", NEVER },
	    { 3, 9, OVER(0, 1, PASS), "0=pass +5.1", NEVER },
	    { 3, 9, OVER(2, 1, FAIL), "2=fail", NEVER },
	    { 3, 9, OVER(3, 1, SKIP), "3=skip", NEVER },
	    { 3, 9, OVER(4, 1, EXEC_ERROR), "4=error", NEVER },
	    { 3, 9, OVER(5, 1, CRASH), "5=fail end", NEVER });
}

static void
shuffled_starts_follow_the_seed(void **state)
{
	struct sched_test t[8] = { { .weight = 1 } };
	struct sched_plan *plan = PLAN_WITH(t, .shuffle = true, .seed = 99);
	struct sched *s;
	struct sched_out out;
	uint32_t order[8], i;

	(void)state;
	plan->jobs = 8;
	order_fill(order, 8, true, 99);
	s = sched_new(plan, 0);
	assert_non_null(s);
	sched_step(s, 0, 8, &(struct sched_in)TICK, &out);
	assert_int_equal(out.n, 8);
	for (i = 0; i < 8; i++)
		assert_int_equal(out.v[i].test, order[i]);
	sched_free(s);
}

/* A result of no running attempt changes nothing. */
static void
stale_results(void **state)
{
	const struct sched_test t[] = { { RETRY(.count = 1) }, { .weight = 1 } };

	(void)state;
	PLAY(PLAN(t), { 0, 1, OVER(0, 1, PASS), "+0.1", NEVER },
	    { 1, 1, OVER(0, 0, PASS), "", NEVER },
	    { 1, 1, OVER(0, 2, PASS), "", NEVER },
	    { 1, 1, OVER(1, 1, PASS), "", NEVER },
	    { 1, 1, OVER(1, 0, LOST), "", NEVER },
	    { 1, 1, OVER(2, 1, PASS), "", NEVER },
	    { 1, 1, OVER(ALL, 1, PASS), "", NEVER },
	    { 2, 1, OVER(0, 1, FAIL), "again 0.1 +0.2", NEVER },
	    { 2, 1, OVER(0, 1, PASS), "", NEVER },
	    { 3, 1, OVER(0, 2, PASS), "0=pass~ +1.1", NEVER },
	    { 3, 1, OVER(0, 2, FAIL), "", NEVER },
	    { 4, 1, OVER(1, 1, PASS), "1=pass end", NEVER },
	    { 4, 1, OVER(1, 1, FAIL), "", NEVER });
}

static void
retries_wait_without_holding_anything(void **state)
{
	const struct sched_test t[] = {
		{ .serial = true, RETRY(.count = 2, .delay_ms = 100,
		    .multiplier_milli = 3000) },
		{ .weight = 1 },
	};

	(void)state;
	PLAY(PLAN(t), { 0, 4, TICK, "+0.1", NEVER },
	    { 10, 4, OVER(0, 1, TIMEOUT), "again 0.1/100 +1.1", 110 },
	    { 109, 4, TICK, "", 110 },
	    { 110, 4, TICK, "", NEVER },
	    { 120, 4, OVER(1, 1, PASS), "1=pass +0.2/100", NEVER },
	    { 130, 4, OVER(0, 2, OOM), "again 0.2/300", 430 },
	    { 500, 4, TICK, "+0.3/300", NEVER },
	    { 501, 4, OVER(0, 3, FAIL), "0=fail end", NEVER });
}

/* After its retries a test has the status of its last attempt; what is not
 * worth a retry gets none. */
static void
verdict_of_each_outcome(void **state)
{
	static const bool again[OUTCOME_COUNT] = { [OUTCOME_FAIL] = true,
		[OUTCOME_TIMEOUT] = true, [OUTCOME_CRASH] = true, [OUTCOME_OOM] = true };
	struct sched_test t[] = { { RETRY(.count = 1) } };
	struct sched_in in = { .type = SCHED_IN_DONE };
	struct sched_out out;
	struct sched *s;
	int o;

	(void)state;
	for (o = 0; o < OUTCOME_COUNT; o++) {
		if (o == OUTCOME_LOST)
			continue;
		s = sched_new(PLAN(t), 0);
		assert_non_null(s);
		sched_step(s, 0, 1, &(struct sched_in)TICK, &out);
		in.outcome = (enum outcome)o;
		in.attempt = 1;
		sched_step(s, 1, 1, &in, &out);
		if (again[o]) {
			assert_int_equal(out.v[0].type, SCHED_ACT_RETRY);
			assert_int_equal(out.v[1].type, SCHED_ACT_START);
			in.attempt = 2;
			sched_step(s, 2, 1, &in, &out);
		}
		assert_int_equal(out.n, 2);
		assert_int_equal(out.v[0].type, SCHED_ACT_VERDICT);
		assert_int_equal(out.v[0].status, outcome_status((enum outcome)o));
		assert_false(out.v[0].flaky);
		assert_false(out.v[0].lost_for_good);
		sched_free(s);
	}
}

static void
lost_attempts_run_again_at_once(void **state)
{
	const struct sched_test t[] = {
		{ RETRY(.count = 1, .delay_ms = 50) }, { .weight = 1 },
	};

	(void)state;
	PLAY(PLAN(t), { 0, 1, TICK, "+0.1", NEVER },
	    { 1, 1, OVER(0, 1, LOST), "+0.2", NEVER },
	    { 2, 1, OVER(0, 2, FAIL), "again 0.2/50 +1.1", 52 },
	    { 52, 1, OVER(1, 1, PASS), "1=pass +0.3/50", NEVER },
	    { 53, 1, OVER(0, 3, LOST), "+0.4", NEVER },
	    { 54, 1, OVER(0, 4, LOST), "+0.5", NEVER },
	    { 55, 1, OVER(0, 5, LOST), "0=error? end", NEVER });
	/* What was only lost is not flaky. */
	PLAY(PLAN(t), { 0, 4, TICK, "+0.1 +1.1", NEVER },
	    { 1, 4, OVER(1, 1, LOST), "+1.2", NEVER },
	    { 2, 4, OVER(1, 2, PASS), "1=pass", NEVER });
}

/* A test that runs again comes before those of higher rank. */
static void
keeps_its_rank(void **state)
{
	const struct sched_test t[6] = {
		{ RETRY(.count = 1) }, { RETRY(.count = 1) },
		{ RETRY(.count = 1) },
	};

	(void)state;
	PLAY(PLAN(t), { 0, 3, TICK, "+0.1 +1.1 +2.1", NEVER },
	    { 1, 0, OVER(2, 1, FAIL), "again 2.1", NEVER },
	    { 1, 0, OVER(0, 1, FAIL), "again 0.1", NEVER },
	    { 1, 0, OVER(1, 1, LOST), "", NEVER },
	    { 2, 4, TICK, "+0.2 +1.2 +2.2 +3.1", NEVER });
}

static void
weights_and_limit(void **state)
{
	static const struct sched_test t[] = {
		{ .weight = 2 }, { .weight = 3 }, { .weight = 1 }, { .weight = 2 },
		{ .weight = 99 },
	};

	(void)state;
	PLAY(PLAN(t), { 0, 4, TICK, "+0.1 +2.1", NEVER },
	    { 1, 4, OVER(2, 1, PASS), "2=pass +3.1", NEVER },
	    { 2, 4, OVER(0, 1, PASS), "0=pass", NEVER },
	    /* Wider than the limit: alone. */
	    { 3, 2, OVER(3, 1, PASS), "3=pass +1.1", NEVER },
	    { 4, 0, OVER(1, 1, PASS), "1=pass", NEVER },
	    { 5, 0, TICK, "", NEVER },
	    { 6, 1, TICK, "+4.1", NEVER },
	    { 7, 4, OVER(4, 1, PASS), "4=pass end", NEVER });
}

static void
serial_runs_alone(void **state)
{
	static const struct sched_test t[] = {
		{ .weight = 1 }, { .serial = true }, { .weight = 1 }, { .serial = true },
	};

	(void)state;
	PLAY(PLAN(t), { 0, 4, TICK, "+0.1 +2.1", NEVER },
	    { 1, 4, OVER(0, 1, PASS), "0=pass", NEVER },
	    { 2, 4, OVER(2, 1, PASS), "2=pass +1.1", NEVER },
	    { 3, 4, TICK, "", NEVER },
	    { 4, 4, OVER(1, 1, LOST), "+1.2", NEVER },
	    { 5, 4, OVER(1, 2, PASS), "1=pass +3.1", NEVER },
	    { 6, 4, OVER(3, 1, PASS), "3=pass end", NEVER });
}

static void
resources_are_taken_all_or_none(void **state)
{
	static const struct sched_need a1[] = { { 0, 1 } }, b2[] = { { 1, 2 } };
	static const struct sched_need ab[] = { { 0, 1 }, { 1, 1 } };
	static const struct sched_need twice[] = { { 1, 1 }, { 1, 1 } };
	static const uint32_t have[] = { 1, 2 };
	static const struct sched_test t[] = {
		{ .needs = a1, .nneeds = 1 }, { .needs = ab, .nneeds = 2 },
		{ .needs = b2, .nneeds = 1 }, { .needs = twice, .nneeds = 2 },
		{ .needs = a1, .nneeds = 1 },
	};

	(void)state;
	PLAY(PLAN_WITH(t, .resources = have, .nresources = 2),
	    { 0, 4, TICK, "+0.1 +2.1", NEVER },
	    { 1, 4, OVER(0, 1, PASS), "0=pass +4.1", NEVER },
	    { 2, 4, OVER(2, 1, PASS), "2=pass +3.1", NEVER },
	    { 3, 4, OVER(4, 1, LOST), "+4.2", NEVER },
	    { 4, 4, OVER(3, 1, PASS), "3=pass", NEVER },
	    { 5, 4, OVER(4, 2, PASS), "4=pass +1.1", NEVER },
	    { 6, 4, OVER(1, 1, PASS), "1=pass end", NEVER });
}

/* More than there is would never start: an error, and not the end of all. */
static void
impossible_needs(void **state)
{
	static const struct sched_need three[] = { { 0, 3 } }, none[] = { { 7, 1 } };
	static const struct sched_need sum[] = { { 0, 1 }, { 0, 2 } };
	static const struct sched_need wrap[] = { { 0, 2 }, { 0, UINT32_MAX } };
	static const uint32_t have[] = { 2 };
	static const struct sched_test t[] = {
		{ .needs = three, .nneeds = 1 }, { .needs = none, .nneeds = 1 },
		{ .needs = sum, .nneeds = 2 }, { .needs = wrap, .nneeds = 2 },
		{ .weight = 1 },
	};

	(void)state;
	PLAY(PLAN_WITH(t, .resources = have, .nresources = 1),
	    { 0, 4, TICK, "0=error 1=error 2=error 3=error +4.1", NEVER },
	    { 1, 4, OVER(4, 1, PASS), "4=pass end", NEVER });
	PLAY(PLAN_WITH(t, .resources = have, .nresources = 1, .max_fail = 2),
	    { 0, 4, TICK, "0=error 1=error 2=error 3=error stop:max_fail 4=cancelled end",
	    NEVER });
}

static void
max_fail_lets_running_ones_finish(void **state)
{
	const struct sched_test t[] = {
		{ .weight = 1 }, { RETRY(.count = 3) }, { .weight = 1 },
		{ RETRY(.count = 1, .delay_ms = 10) }, { .weight = 1 },
		{ .skip = true },
	};
	static const struct sched_test one[1];

	(void)state;
	PLAY(PLAN_WITH(t, .max_fail = 2, .timeout_ms = 1000),
	    { 0, 4, TICK, "5=skip +0.1 +1.1 +2.1 +3.1", 1000 },
	    { 1, 4, OVER(3, 1, FAIL), "again 3.1/10 +4.1", 11 },
	    { 2, 3, OVER(0, 1, TIMEOUT), "0=timeout", 11 },
	    { 3, 3, OVER(2, 1, EXEC_ERROR), "2=error stop:max_fail 3=cancelled", 1000 },
	    { 20, 4, OVER(1, 1, FAIL), "1=fail", 1000 },
	    { 21, 4, CANCEL, "kill 4.1", NEVER },
	    { 22, 4, OVER(4, 1, PASS), "4=pass end", NEVER });
	/* The run's time still counts after it. */
	PLAY(PLAN_WITH(t, .max_fail = 1, .timeout_ms = 1000),
	    { 0, 2, TICK, "5=skip +0.1 +1.1", 1000 },
	    { 1, 2, OVER(0, 1, FAIL),
	      "0=fail stop:max_fail 2=cancelled 3=cancelled 4=cancelled", 1000 },
	    { 1000, 2, TICK, "kill 1.1@", NEVER },
	    { 1001, 2, OVER(1, 1, TIMEOUT), "1=timeout end", NEVER });
	/* With nothing left there is nothing to stop. */
	PLAY(PLAN_WITH(one, .max_fail = 1), { 0, 2, TICK, "+0.1", NEVER },
	    { 1, 2, OVER(0, 1, FAIL), "0=fail end", NEVER });
}

static void
cancel_kills_and_ends(void **state)
{
	const struct sched_test t[] = {
		{ RETRY(.count = 3) }, { .weight = 1 }, { .weight = 1 },
		{ .weight = 1 }, { .weight = 1 },
		{ RETRY(.count = 1, .delay_ms = 10) }, { .weight = 1 },
	};
	const struct sched_test one[] = { { RETRY(.count = 3) } };
	struct sched_plan *plan = PLAN(t);

	(void)state;
	plan->jobs = 6;
	PLAY(plan, { 0, 6, TICK, "+0.1 +1.1 +2.1 +3.1 +4.1 +5.1", NEVER },
	    { 1, 0, OVER(5, 1, FAIL), "again 5.1/10", 11 },
	    { 2, 6, CANCEL, "stop:cancel kill 4.1 kill 3.1 kill 2.1 kill 1.1 kill 0.1 "
	      "5=cancelled 6=cancelled", NEVER },
	    { 3, 6, CANCEL, "", NEVER },
	    { 4, 6, OVER(0, 1, FAIL), "0=fail", NEVER },
	    { 4, 6, OVER(1, 1, LOST), "1=cancelled", NEVER },
	    { 4, 6, OVER(2, 1, PASS), "2=pass", NEVER },
	    { 5, 6, CANCEL_NOW, "kill 4.1! kill 3.1!", NEVER },
	    { 5, 6, CANCEL_NOW, "", NEVER },
	    { 5, 6, CANCEL, "", NEVER },
	    { 6, 6, OVER(3, 1, CANCELLED), "3=cancelled", NEVER },
	    { 6, 6, OVER(4, 1, TIMEOUT), "4=timeout end", NEVER });
	PLAY(PLAN(t), { 0, 1, CANCEL, "stop:cancel 0=cancelled 1=cancelled 2=cancelled "
	      "3=cancelled 4=cancelled 5=cancelled 6=cancelled end", NEVER });
	PLAY(PLAN(one), { 0, 1, TICK, "+0.1", NEVER },
	    { 0, 1, CANCEL_NOW, "stop:cancel kill 0.1!", NEVER },
	    { 0, 1, OVER(0, 1, CANCELLED), "0=cancelled end", NEVER });
}

static void
run_timeout(void **state)
{
	const struct sched_test t[] = {
		{ RETRY(.count = 1, .delay_ms = 500) }, { .weight = 1 },
		{ .weight = 1 },
	};

	(void)state;
	PLAY(PLAN_WITH(t, .timeout_ms = 300),
	    { 100, 2, TICK, "+0.1 +1.1", 300 },
	    { 200, 1, OVER(0, 1, FAIL), "again 0.1/500", 300 },
	    { 299, 1, TICK, "", 300 },
	    { 300, 9, TICK, "stop:timeout kill 1.1@ 0=cancelled 2=cancelled", NEVER },
	    { 301, 9, CANCEL, "", NEVER },
	    { 302, 9, CANCEL_NOW, "kill 1.1!@", NEVER },
	    { 303, 9, OVER(1, 1, TIMEOUT), "1=timeout end", NEVER });
	/* One so long that the clock has no number for its end is none. */
	PLAY(PLAN_WITH(t, .timeout_ms = UINT64_MAX), { 1, 3, TICK, "+0.1 +1.1 +2.1", NEVER });
}

/* What does not fit into one answer comes with the next, in order. */
static void
more_than_one_answer(void **state)
{
	struct sched_test t[200];
	struct sched_plan *plan = PLAN(t);
	struct sched_in in = TICK;
	struct sched_out out;
	uint32_t told = 0, started = 0, killed = 0, cancelled = 0, steps = 0, i;
	struct sched *s;
	bool over = false;

	(void)state;
	for (i = 0; i < 200; i++)
		t[i] = (struct sched_test){ .skip = i < 70 };
	plan->jobs = 100;
	s = sched_new(plan, 0);
	assert_non_null(s);
	for (steps = 0; steps == 0 || out.next == 5; steps++) {
		sched_step(s, 5, 100, &in, &out);
		assert_true(out.next == (out.n == SCHED_ACT_MAX ? 5 : NEVER));
		for (i = 0; i < out.n; i++) {
			assert_int_equal(out.v[i].test, told + started);
			told += out.v[i].type == SCHED_ACT_VERDICT;
			started += out.v[i].type == SCHED_ACT_START;
		}
	}
	assert_int_equal(told, 70);
	assert_int_equal(started, 100);
	in = (struct sched_in)CANCEL;
	for (steps = 0; steps == 0 || out.next == 6; steps++) {
		sched_step(s, 6, 100, &in, &out);
		in = (struct sched_in)TICK;
		for (i = 0; i < out.n; i++) {
			assert_int_equal(out.v[i].type == SCHED_ACT_STOPPING,
			    steps == 0 && i == 0);
			killed += out.v[i].type == SCHED_ACT_KILL;
			cancelled += out.v[i].type == SCHED_ACT_VERDICT;
		}
	}
	assert_int_equal(killed, 100);
	assert_int_equal(cancelled, 30);
	for (i = 70; i < 170; i++) {
		in = (struct sched_in)OVER(i, 1, CANCELLED);
		sched_step(s, 7, 100, &in, &out);
		over = out.v[out.n - 1].type == SCHED_ACT_RUN_DONE;
		assert_int_equal(over, i == 169);
	}
	sched_free(s);
}

static void
time_does_not_go_back(void **state)
{
	const struct sched_test t[] = { { RETRY(.count = 1, .delay_ms = 10) } };

	(void)state;
	PLAY(PLAN(t), { 50, 1, TICK, "+0.1", NEVER },
	    { 40, 1, OVER(0, 1, FAIL), "again 0.1/10", 60 },
	    { 59, 1, TICK, "", 60 },
	    { 60, 1, TICK, "+0.2/10", NEVER });
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_run),
		cmocka_unit_test(starts_in_order_up_to_the_limit),
		cmocka_unit_test(shuffled_starts_follow_the_seed),
		cmocka_unit_test(stale_results),
		cmocka_unit_test(retries_wait_without_holding_anything),
		cmocka_unit_test(verdict_of_each_outcome),
		cmocka_unit_test(lost_attempts_run_again_at_once),
		cmocka_unit_test(keeps_its_rank),
		cmocka_unit_test(weights_and_limit),
		cmocka_unit_test(serial_runs_alone),
		cmocka_unit_test(resources_are_taken_all_or_none),
		cmocka_unit_test(impossible_needs),
		cmocka_unit_test(max_fail_lets_running_ones_finish),
		cmocka_unit_test(cancel_kills_and_ends),
		cmocka_unit_test(run_timeout),
		cmocka_unit_test(more_than_one_answer),
		cmocka_unit_test(time_does_not_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

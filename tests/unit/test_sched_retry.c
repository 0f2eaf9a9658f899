/*
 * Unit tests of what retries add to the scheduler: supervisor/policy/retrier.c with
 * life.c and recall.c, through sched.h.
 */
#include "common/spec.h"
#include "supervisor/policy/retrier.h"
#include "supervisor/policy/retry.h"
#include "tests/unit/sched_fixture.h"

/* A failure with a fingerprint; one about which the test's own rules say something. */
#define FAILED(t, a, f)	{ .type = SCHED_IN_DONE, .test = t, .attempt = a,		\
			  .outcome = OUTCOME_FAIL, .fingerprint = f }
#define SAYS(t, a, s)	{ .type = SCHED_IN_DONE, .test = t, .attempt = a,		\
			  .outcome = OUTCOME_FAIL, .says = SAYS_##s }

/* At most so many retries; so many milliseconds of them. */
#define RETRIES(n)	{ (n), UINT64_MAX }
#define TIME(ms)	{ UINT64_MAX, (ms) }
#define NO_LIMIT	{ UINT64_MAX, UINT64_MAX }

static void
the_rules_of_a_test(void **state)
{
	const struct sched_test t[] = {
		{ RETRY(.count = 1) }, { RETRY(.on_request = true) },
		{ RETRY(.count = 1) },
	};

	(void)state;
	assert_int_equal(RETRY_PLEASE_MAX, SPEC_PLEASE_MAX);
	PLAY(PLAN(t), { 0, 3, TICK, "+0.1 +1.1 +2.1", NEVER },
	    { 1, 3, SAYS(0, 1, NEVER), "no 0.1:rule#run 0=fail", NEVER },
	    { 2, 3, SAYS(1, 1, PLEASE), "again 1.1 +1.2", NEVER },
	    { 3, 3, SAYS(1, 2, PLEASE), "again 1.2 +1.3", NEVER },
	    { 4, 3, SAYS(1, 3, PLEASE), "1=fail", NEVER },
	    /* It asks, and has a count: that one. */
	    { 5, 3, SAYS(2, 1, PLEASE), "again 2.1 +2.2", NEVER },
	    /* No retries left: a rule stopped nothing. */
	    { 6, 3, SAYS(2, 2, NEVER), "2=fail end", NEVER });
	/* Only what asks has retries that nobody stated. */
	PLAY(PLAN(t), { 0, 2, TICK, "+0.1 +1.1", NEVER },
	    { 1, 2, SAYS(1, 1, RETRY), "1=fail +2.1", NEVER },
	    { 2, 2, SAYS(0, 1, RETRY), "again 0.1 +0.2", NEVER });
	PLAY(PLAN(t), { 0, 2, TICK, "+0.1 +1.1", NEVER },
	    { 1, 2, SAYS(1, 1, NEVER), "1=fail +2.1", NEVER });
}

static void
budgets_run_out(void **state)
{
	static const uint32_t one[] = { 1 }, both[] = { 0, 1 };
	const struct sched_test t[] = {
		{ RETRY(.count = 9), .tags = one, .ntags = 1 },
		{ RETRY(.count = 9), .tags = both, .ntags = 2 },
		{ RETRY(.count = 9) },
	};
	static const struct budget_limit counts[] = { NO_LIMIT, RETRIES(2), RETRIES(3) };
	static const struct budget_limit times[] = { TIME(10), NO_LIMIT, TIME(20) };

	(void)state;
	PLAY(PLAN_WITH(t, .ntags = 2, .budgets = counts),
	    { 0, 3, TICK, "+0.1 +1.1 +2.1", NEVER },
	    { 1, 3, OVER(0, 1, FAIL), "again 0.1 +0.2", NEVER },
	    /* What is lost costs nothing. */
	    { 1, 3, OVER(0, 2, LOST), "+0.3", NEVER },
	    { 2, 3, OVER(1, 1, FAIL), "again 1.1 +1.2", NEVER },
	    { 3, 3, OVER(0, 3, FAIL), "no 0.3:tag_budget#1 0=fail", NEVER },
	    { 4, 3, OVER(2, 1, FAIL), "again 2.1 +2.2", NEVER },
	    { 5, 3, OVER(2, 2, FAIL), "no 2.2:budget#run 2=fail", NEVER },
	    { 6, 3, OVER(1, 2, PASS), "1=pass~ end", NEVER });
	PLAY(PLAN_WITH(t, .ntags = 2, .budgets = times),
	    { 0, 3, TICK, "+0.1 +1.1 +2.1", NEVER },
	    /* A first attempt costs no time. */
	    { 1, 3, { .type = SCHED_IN_DONE, .test = 1, .attempt = 1,
	      .outcome = OUTCOME_FAIL, .elapsed_ms = 99 }, "again 1.1 +1.2", NEVER },
	    { 2, 3, { .type = SCHED_IN_DONE, .test = 1, .attempt = 2,
	      .outcome = OUTCOME_FAIL, .elapsed_ms = 9 }, "again 1.2 +1.3", NEVER },
	    { 3, 3, { .type = SCHED_IN_DONE, .test = 1, .attempt = 3,
	      .outcome = OUTCOME_FAIL, .elapsed_ms = 1 },
	      "no 1.3:tag_budget#0 1=fail", NEVER },
	    { 4, 3, OVER(0, 1, FAIL), "again 0.1 +0.2", NEVER },
	    { 5, 3, { .type = SCHED_IN_DONE, .test = 0, .attempt = 2,
	      .outcome = OUTCOME_FAIL, .elapsed_ms = 10 },
	      "no 0.2:budget#run 0=fail", NEVER });
}

/* Breakers of the fixtures open after `minimum` failed retries; no window. */
#define BREAKER(n)	.breaker = { .consecutive = (n), .cool_down_ms = 100 }

static void
a_breaker_stops_its_own_kind(void **state)
{
	const struct sched_test t[] = {
		{ RETRY(.count = 1) }, { RETRY(.count = 2) },
		{ RETRY(.count = 1, .delay_ms = 50) },
		{ RETRY(.count = 1) },
	};

	(void)state;
	/* Two failed retries of the fingerprint 7 open its breaker and the run's;
	 * what waits is refused at once, and its budget has it back. */
	PLAY(PLAN_WITH(t, BREAKER(2)),
	    { 0, 4, TICK, "+0.1 +1.1 +2.1 +3.1", NEVER },
	    { 1, 4, FAILED(0, 1, 7), "again 0.1 +0.2", NEVER },
	    { 2, 4, FAILED(1, 1, 7), "again 1.1 +1.2", NEVER },
	    { 3, 4, FAILED(2, 1, 7), "again 2.1/50", 53 },
	    { 4, 4, FAILED(0, 2, 7), "0=fail", 53 },
	    { 5, 4, FAILED(1, 2, 7), "run:open,breaker @7:open,breaker "
	      "no 1.2:breaker#run 1=fail no 2.1:breaker#run 2=fail", NEVER },
	    { 6, 4, FAILED(3, 1, 8), "no 3.1:breaker#run 3=fail end", NEVER });
	/* With the defaults the breaker of the run waits for more than one cause. */
	PLAY(PLAN_WITH(t, .breaker = { .minimum = 20, .window = 20 }),
	    { 0, 4, TICK, "+0.1 +1.1 +2.1 +3.1", NEVER },
	    { 1, 4, FAILED(0, 1, 7), "again 0.1 +0.2", NEVER },
	    { 2, 4, FAILED(0, 2, 7), "0=fail", NEVER },
	    { 3, 4, FAILED(1, 1, 7), "again 1.1 +1.2", NEVER });
}

static void
the_first_retry_to_start_is_the_probe(void **state)
{
	static const uint32_t tag[] = { 0 };
	const struct sched_test t[] = {
		{ RETRY(.count = 1), .tags = tag, .ntags = 1 },
		{ RETRY(.count = 2, .delay_ms = 40) },
		{ RETRY(.count = 2) }, { RETRY(.count = 1) },
		{ RETRY(.count = 1) },
	};

	(void)state;
	PLAY(PLAN_WITH(t, .ntags = 1, BREAKER(1)),
	    { 0, 5, TICK, "+0.1 +1.1 +2.1 +3.1", NEVER },
	    { 1, 5, OVER(0, 1, FAIL), "again 0.1 +0.2", NEVER },
	    { 2, 5, OVER(0, 2, FAIL),
	      "run:open,breaker 0:open,breaker 0=fail +4.1", NEVER },
	    { 101, 5, OVER(4, 1, FAIL), "no 4.1:breaker#run 4=fail", NEVER },
	    /* Cooled down: 1 may wait, 2 starts first and is the probe, 3 is refused. */
	    { 102, 5, OVER(1, 1, FAIL), "again 1.1/40", 142 },
	    { 103, 5, OVER(2, 1, FAIL), "again 2.1 +2.2 run:half-open,breaker", 142 },
	    { 104, 5, OVER(3, 1, FAIL), "no 3.1:breaker#run 3=fail", 142 },
	    /* Lost: it is still the probe. */
	    { 105, 5, OVER(2, 2, LOST), "+2.3", 142 },
	    { 106, 5, OVER(2, 3, PASS), "run:closed,breaker 2=pass~", 142 },
	    { 142, 5, TICK, "+1.2/40", NEVER });
	/* A probe that fails opens it again, and stops what waits. */
	PLAY(PLAN_WITH(t, .ntags = 1, BREAKER(1)),
	    { 0, 5, TICK, "+0.1 +1.1 +2.1 +3.1", NEVER },
	    { 1, 5, OVER(0, 1, FAIL), "again 0.1 +0.2", NEVER },
	    { 2, 5, OVER(0, 2, FAIL),
	      "run:open,breaker 0:open,breaker 0=fail +4.1", NEVER },
	    { 102, 5, OVER(1, 1, FAIL), "again 1.1/40", 142 },
	    { 103, 5, OVER(2, 1, FAIL), "again 2.1 +2.2 run:half-open,breaker", 142 },
	    { 110, 5, OVER(2, 2, FAIL), "run:open,breaker no 2.2:breaker#run 2=fail "
	      "no 1.1:breaker#run 1=fail", NEVER },
	    /* 200 ms now. */
	    { 309, 5, OVER(3, 1, FAIL), "no 3.1:breaker#run 3=fail", NEVER },
	    { 310, 5, OVER(4, 1, FAIL), "again 4.1 +4.2 run:half-open,breaker", NEVER });
	/* One whose time comes while the probe is out is refused then. */
	PLAY(PLAN_WITH(t, .ntags = 1, BREAKER(1)),
	    { 0, 5, TICK, "+0.1 +1.1 +2.1 +3.1", NEVER },
	    { 1, 5, OVER(0, 1, FAIL), "again 0.1 +0.2", NEVER },
	    { 2, 5, OVER(0, 2, FAIL),
	      "run:open,breaker 0:open,breaker 0=fail +4.1", NEVER },
	    { 102, 5, OVER(1, 1, FAIL), "again 1.1/40", 142 },
	    { 103, 5, OVER(2, 1, FAIL), "again 2.1 +2.2 run:half-open,breaker", 142 },
	    { 142, 5, TICK, "no 1.1:breaker#run 1=fail", NEVER });
}

static void
delays_only_for_what_looks_like_a_resource(void **state)
{
	const struct sched_test t[] = {
		{ RETRY(.count = 2, .auto_delay = true, .delay_ms = 7777) },
	};
	struct sched_in in = OVER(0, 1, FAIL);
	struct sched_out out;
	struct sched *s = sched_new(PLAN(t), 0);

	(void)state;
	assert_non_null(s);
	sched_step(s, 0, 1, &(struct sched_in)TICK, &out);
	sched_step(s, 1, 1, &in, &out);
	assert_int_equal(out.n, 2);
	assert_int_equal(out.v[0].type, SCHED_ACT_RETRY);
	assert_int_equal(out.v[0].delay_ms, 0);
	in.attempt = 2;
	in.resource_like = true;
	sched_step(s, 2, 1, &in, &out);
	assert_int_equal(out.n, 1);
	assert_in_range(out.v[0].delay_ms, RETRY_AUTO_BASE, 3 * RETRY_AUTO_BASE);
	assert_int_equal(out.next, 2 + out.v[0].delay_ms);
	sched_free(s);
}

static void
at_the_end_and_alone(void **state)
{
	const struct sched_test t[] = {
		{ RETRY(.count = 2, .where = WHERE_ALONE) },
		{ RETRY(.count = 1, .where = WHERE_END) },
		{ RETRY(.count = 1, .where = WHERE_END, .delay_ms = 50) },
		{ RETRY(.count = 1, .where = WHERE_ALONE) },
		{ RETRY(.count = 1) },
	};

	(void)state;
	PLAY(PLAN(t), { 0, 4, TICK, "+0.1 +1.1 +2.1 +3.1", NEVER },
	    { 1, 4, OVER(0, 1, FAIL), "again 0.1,alone +4.1", NEVER },
	    { 2, 4, OVER(1, 1, FAIL), "again 1.1,end", NEVER },
	    { 3, 4, OVER(2, 1, FAIL), "again 2.1/50,end", 53 },
	    { 4, 4, OVER(3, 1, FAIL), "again 3.1,alone", 53 },
	    /* 4 is tried again before them. */
	    { 5, 4, OVER(4, 1, FAIL), "again 4.1 +4.2", 53 },
	    { 6, 4, OVER(4, 2, LOST), "+4.3", 53 },
	    { 7, 4, OVER(4, 3, PASS), "4=pass~ +1.2", 53 },
	    { 8, 4, OVER(1, 2, FAIL), "1=fail +0.2", 53 },
	    /* 2 is due, and has to wait for the one that is alone. */
	    { 60, 4, TICK, "", NEVER },
	    { 61, 4, OVER(0, 2, FAIL), "again 0.2,alone +2.2/50", NEVER },
	    { 62, 4, OVER(2, 2, LOST), "+2.3", NEVER },
	    { 63, 0, OVER(2, 3, PASS), "2=pass~", NEVER },
	    { 64, 4, TICK, "+0.3", NEVER },
	    { 65, 4, OVER(0, 3, LOST), "+0.4", NEVER },
	    { 66, 4, OVER(0, 4, PASS), "0=pass~ +3.2", NEVER },
	    { 67, 4, OVER(3, 2, FAIL), "3=fail end", NEVER });
	PLAY(PLAN(t), { 0, 4, TICK, "+0.1 +1.1 +2.1 +3.1", NEVER },
	    { 1, 4, OVER(0, 1, FAIL), "again 0.1,alone +4.1", NEVER },
	    { 2, 4, CANCEL, "stop:cancel kill 4.1 kill 3.1 kill 2.1 kill 1.1 0=cancelled",
	      NEVER });
}

/* The last that others are held for may be one that is refused when it would start. */
static void
a_refused_start_lets_the_held_go(void **state)
{
	const struct sched_test t[] = {
		{ RETRY(.count = 1, .where = WHERE_END) },
		{ RETRY(.count = 1) }, { RETRY(.count = 1) },
	};
	static const uint32_t tag[] = { 0 };
	struct sched_test v[3];

	(void)state;
	memcpy(v, t, sizeof(v));
	v[1].tags = v[2].tags = tag;
	v[1].ntags = v[2].ntags = 1;
	PLAY(PLAN_WITH(v, .ntags = 1, .breaker = { .window = 2, .minimum = 1 }),
	    { 0, 3, TICK, "+0.1 +1.1 +2.1", NEVER },
	    { 1, 3, OVER(0, 1, FAIL), "again 0.1,end", NEVER },
	    { 2, 3, OVER(1, 1, FAIL), "again 1.1 +1.2", NEVER },
	    { 3, 0, OVER(2, 1, FAIL), "again 2.1", NEVER },
	    { 4, 0, OVER(1, 2, PASS), "1=pass~", NEVER },
	    { 5, 3, TICK, "+2.2", NEVER },
	    { 6, 3, OVER(2, 2, PASS), "2=pass~ +0.2", NEVER });
	/* Now it is queued when its breakers open. */
	PLAY(PLAN_WITH(v, .ntags = 1, BREAKER(1)),
	    { 0, 3, TICK, "+0.1 +1.1 +2.1", NEVER },
	    { 2, 3, OVER(1, 1, FAIL), "again 1.1 +1.2", NEVER },
	    { 3, 0, OVER(2, 1, FAIL), "again 2.1", NEVER },
	    { 4, 0, OVER(1, 2, FAIL), "run:open,breaker 0:open,breaker 1=fail", NEVER },
	    { 5, 3, TICK, "no 2.1:breaker#run 2=fail", NEVER },
	    { 6, 3, OVER(0, 1, PASS), "0=pass end", NEVER });
}

static void
recalled(void **state)
{
	const struct sched_test t[] = {
		{ .weight = 1 },				/* passed */
		{ RETRY(.count = 1) },				/* was running */
		{ RETRY(.count = 2, .delay_ms = 30) },		/* retry granted */
		{ RETRY(.count = 1) },				/* result is open */
		{ .weight = 1 },				/* not begun */
		{ .skip = true },				/* told */
		{ .skip = true },				/* not told */
		{ RETRY(.count = 1, .where = WHERE_END) },	/* retry was running */
	};
	static const struct budget_limit two[] = { RETRIES(3) };
	static const struct sched_past past[] = {
		{ .attempts = 1, .done = true, .status = TEST_PASS },
		{ .attempts = 1, .lost = 1 },
		{ .attempts = 1, .failed = true, .granted = true,
		  .last = { .outcome = OUTCOME_FAIL } },
		{ .attempts = 1, .open = true, .last = FAILED(3, 1, 5) },
		{ .attempts = 0 },
		{ .done = true, .status = TEST_SKIP },
		{ .attempts = 0 },
		{ .attempts = 2, .retries = 1, .failed = true, .lost = 1 },
	};
	static const struct script script[] = {
		{ 100, 8, TICK, "6=skip again 3.1 +1.2 +3.2 +4.1", 130 },
		{ 101, 8, OVER(0, 1, FAIL), "", 130 },
		{ 102, 8, OVER(1, 1, PASS), "", 130 },
		/* Three retries were granted before and now: no more. */
		{ 103, 8, OVER(1, 2, FAIL), "no 1.2:budget#run 1=fail", 130 },
		{ 104, 8, OVER(4, 1, PASS), "4=pass", 130 },
		{ 105, 8, OVER(3, 2, PASS), "3=pass~", 130 },
		{ 130, 8, TICK, "+2.2/30", NEVER },
		{ 131, 8, OVER(2, 2, PASS), "2=pass~ +7.3", NEVER },
		{ 132, 8, OVER(7, 3, FAIL), "7=fail end", NEVER },
	};
	struct sched_count count;
	struct sched_out out;
	struct sched_plan *plan = PLAN_WITH(t, .budgets = two);
	struct sched *s;
	char text[512];
	uint32_t i;

	(void)state;
	plan->jobs = 8;
	s = sched_new(plan, 100);
	assert_non_null(s);
	for (i = 0; i < sizeof(past) / sizeof(past[0]); i++)
		sched_recall(s, i, &past[i]);
	sched_count(s, &count);
	assert_int_equal(count.queued + count.delayed + count.running + count.done, 8);
	for (i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
		sched_step(s, script[i].now, script[i].limit, &script[i].in, &out);
		write_out(&out, text, sizeof(text));
		assert_string_equal(text, script[i].out);
		assert_true(out.next == script[i].next);
	}
	sched_free(s);
}

/* Failures of before the loss count for max_fail; a run with nothing left is over. */
static void
recalled_failures(void **state)
{
	static const struct sched_test t[3];
	struct sched_past failed = { .attempts = 1, .done = true, .status = TEST_FAIL };
	struct sched_out out;
	char text[256];
	uint32_t n, i;

	(void)state;
	for (n = 2; n <= 3; n++) {
		struct sched *s = sched_new(PLAN_WITH(t, .max_fail = 2), 0);

		assert_non_null(s);
		for (i = 0; i < n; i++)
			sched_recall(s, i, &failed);
		sched_step(s, 0, 4, &(struct sched_in)TICK, &out);
		write_out(&out, text, sizeof(text));
		assert_string_equal(text, n == 2 ? "stop:max_fail 2=cancelled end" : "end");
		sched_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rules_of_a_test),
		cmocka_unit_test(budgets_run_out),
		cmocka_unit_test(a_breaker_stops_its_own_kind),
		cmocka_unit_test(the_first_retry_to_start_is_the_probe),
		cmocka_unit_test(delays_only_for_what_looks_like_a_resource),
		cmocka_unit_test(at_the_end_and_alone),
		cmocka_unit_test(a_refused_start_lets_the_held_go),
		cmocka_unit_test(recalled),
		cmocka_unit_test(recalled_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

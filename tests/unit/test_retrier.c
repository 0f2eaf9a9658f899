/*
 * Unit tests of supervisor/policy/retrier.c on whole runs: how many retries a common
 * cause gets, and who pays for it.
 */
#include "supervisor/policy/order.h"
#include "supervisor/policy/retrier.h"
#include "tests/unit/sched_fixture.h"

#define TESTS	2000
#define FLAKY	80
#define RED	600	/* for one common cause */
#define JOBS	8

enum kind { GREEN, IS_FLAKY, IS_RED };

struct result {
	uint32_t	useless;	/* retries of red tests */
	uint32_t	failed;		/* flaky tests that failed once */
	uint32_t	left_red;	/* and were not healed */
	uint32_t	refused[RETRY_DECISION_COUNT];
	uint32_t	starts;
};

/* Red tests have the fingerprint of their cause, 1; if there are several, one each. */
static uint64_t
print_of(enum kind kind, uint32_t t, uint32_t causes)
{
	return kind == IS_RED ? 1 + t % causes : 1000000 + t;
}

/* A whole run: attempts of `ms` each, JOBS at a time, the oldest ends first. */
static struct result
run(struct sched_plan *plan, const enum kind *kinds, uint32_t causes, uint64_t ms,
    uint64_t rng)
{
	struct sched_in queue[JOBS], in = TICK;
	struct sched *s = sched_new(plan, 0);
	struct result r = { 0 };
	struct sched_out out;
	uint32_t n = 0, i, t;
	uint64_t now = 0;
	bool over = false;

	assert_non_null(s);
	while (!over) {
		sched_step(s, now, JOBS, &in, &out);
		in = (struct sched_in)TICK;
		for (i = 0; i < out.n; i++) {
			t = out.v[i].test;
			over |= out.v[i].type == SCHED_ACT_RUN_DONE;
			if (out.v[i].type == SCHED_ACT_REFUSED)
				r.refused[out.v[i].decision]++;
			if (out.v[i].type == SCHED_ACT_VERDICT && kinds[t] == IS_FLAKY)
				r.left_red += out.v[i].status == TEST_FAIL;
			if (out.v[i].type != SCHED_ACT_START)
				continue;
			r.starts++;
			r.useless += kinds[t] == IS_RED && out.v[i].attempt > 1;
			queue[n] = (struct sched_in)OVER(t, out.v[i].attempt, PASS);
			if (kinds[t] == IS_RED ||
			    (kinds[t] == IS_FLAKY && order_below(&rng, 100) < 3)) {
				queue[n].outcome = OUTCOME_FAIL;
				queue[n].fingerprint = print_of(kinds[t], t, causes);
				r.failed += kinds[t] == IS_FLAKY && out.v[i].attempt == 1;
			}
			n++;
		}
		if (over || out.next <= now)
			continue;
		assert_true(n > 0);
		in = queue[0];
		memmove(queue, queue + 1, --n * sizeof(*queue));
		now += ms / JOBS;
	}
	sched_free(s);
	return r;
}

static void
make(struct sched_test *tests, enum kind *kinds, struct sched_plan *plan)
{
	static const struct sched_retry thrice = { .count = 3, .auto_delay = true };
	uint32_t i;

	for (i = 0; i < TESTS; i++) {
		tests[i] = (struct sched_test){ .weight = 1, .retry = &thrice };
		kinds[i] = i < RED ? IS_RED : i < RED + FLAKY ? IS_FLAKY : GREEN;
	}
	*plan = (struct sched_plan){ .tests = tests, .ntests = TESTS, .jobs = JOBS,
	    .shuffle = true };
}

/* 2,000 tests, 80 flaky ones, 600 red for one cause: with three retries each 1,800
 * would be useless. */
static void
an_outage_costs_few_retries(void **state)
{
	static const uint64_t ms[] = { 10, 1000 };
	static struct sched_test tests[TESTS];
	static enum kind kinds[TESTS];
	struct budget_limit five_percent = { budget_share(50000, TESTS), UINT64_MAX };
	uint32_t failed = 0, left_red = 0, worst = 0, k;
	struct sched_plan plan;
	struct result r;

	(void)state;
	make(tests, kinds, &plan);
	plan.budgets = &five_percent;
	for (plan.seed = 1; plan.seed <= 20; plan.seed++)
		for (k = 0; k < 2; k++) {
			r = run(&plan, kinds, 1, ms[k], plan.seed);
			worst = r.useless > worst ? r.useless : worst;
			failed += r.failed;
			left_red += r.left_red;
			assert_int_equal(r.refused[RETRY_BUDGET], 0);
		}
	print_message("at most %u useless retries; %u flaky failures, %u left\n", worst,
	    failed, left_red);
	assert_true(worst <= 30);
	assert_true(failed > 40 && left_red * 20 <= failed);
}

/* Without a breaker the budget is all there is, and the outage takes it. */
static void
a_budget_alone(void **state)
{
	static struct sched_test tests[TESTS];
	static enum kind kinds[TESTS];
	struct budget_limit limit = { 100, UINT64_MAX };
	struct sched_plan plan;
	struct result r;

	(void)state;
	make(tests, kinds, &plan);
	plan.breaker.off = true;
	r = run(&plan, kinds, 1, 10, 1);
	assert_int_equal(r.useless, 3 * RED);
	plan.budgets = &limit;
	r = run(&plan, kinds, 1, 10, 1);
	assert_in_range(r.useless, 90, 100);
	assert_in_range(r.starts, TESTS, TESTS + 100);
	assert_true(r.refused[RETRY_BUDGET] > 0);
}

/* As many causes as red tests: more than there is room for, so that only the breaker
 * of the run can help. */
static void
many_causes_stay_bounded(void **state)
{
	static struct sched_test tests[TESTS];
	static enum kind kinds[TESTS];
	struct sched_plan plan;
	struct result r;

	(void)state;
	make(tests, kinds, &plan);
	r = run(&plan, kinds, RED, 10, 1);
	assert_true(r.useless > 0 && r.useless < 100);
	assert_true(r.refused[RETRY_BREAKER] > 0);
	/* That of the run never opens: all causes are looked at, 256 at a time. */
	plan.breaker.failure_ppm = 1000001;
	r = run(&plan, kinds, RED, 10, 1);
	assert_int_equal(r.useless, 3 * RED);
}

static void
a_mass_failure_opens_by_itself(void **state)
{
	const struct sched_test t[12] = {
		[11] = { RETRY(.count = 1) }, [10] = { RETRY(.count = 1) },
		[9] = { RETRY(.count = 1) }, [8] = { RETRY(.count = 1) },
	};

	(void)state;
	PLAY(PLAN(t), { 0, 1, TICK, "+0.1", NEVER },
	    { 1, 1, OVER(0, 1, PASS), "0=pass +1.1", NEVER },
	    { 2, 1, OVER(1, 1, PASS), "1=pass +2.1", NEVER },
	    { 3, 1, OVER(2, 1, FAIL), "2=fail +3.1", NEVER },
	    { 4, 1, OVER(3, 1, FAIL), "3=fail +4.1", NEVER },
	    { 5, 1, OVER(4, 1, EXEC_ERROR), "4=error +5.1", NEVER },
	    { 6, 1, OVER(5, 1, TIMEOUT), "5=timeout +6.1", NEVER },
	    { 7, 1, OVER(6, 1, FAIL), "6=fail +7.1", NEVER },
	    { 8, 1, OVER(7, 1, FAIL), "7=fail +8.1", NEVER },
	    /* Seven of nine. */
	    { 9, 0, OVER(8, 1, FAIL), "again 8.1", NEVER },
	    { 9, 1, TICK, "+8.2", NEVER },
	    { 10, 1, OVER(8, 2, FAIL), "8=fail +9.1", NEVER },
	    /* Eight of ten. */
	    { 11, 1, OVER(9, 1, FAIL),
	      "run:open,mass_failure no 9.1:mass_failure#run 9=fail +10.1", NEVER },
	    /* The probe heals: the breaker closes, though most of the run failed. */
	    { 30011, 1, OVER(10, 1, FAIL), "again 10.1 +10.2 run:half-open,mass_failure",
	      NEVER },
	    { 30012, 1, OVER(10, 2, PASS), "run:closed,mass_failure 10=pass~ +11.1",
	      NEVER });
}

/* What failed last time goes first, and then nearly all results of a part of the run
 * are failures: of the run they are 30 %, and that is no mass failure. */
static void
failures_that_go_first_are_none(void **state)
{
	static struct sched_test tests[TESTS];
	static enum kind kinds[TESTS];
	struct sched_plan plan;
	struct result r;

	(void)state;
	make(tests, kinds, &plan);
	plan.shuffle = false;
	r = run(&plan, kinds, 1, 10, 1);
	assert_true(r.refused[RETRY_BREAKER] > 0);
	assert_int_equal(r.refused[RETRY_MASS_FAILURE], 0);
	assert_int_equal(r.left_red, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_outage_costs_few_retries),
		cmocka_unit_test(a_budget_alone),
		cmocka_unit_test(many_causes_stay_bounded),
		cmocka_unit_test(a_mass_failure_opens_by_itself),
		cmocka_unit_test(failures_that_go_first_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

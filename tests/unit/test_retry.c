/* Unit tests of supervisor/policy/retry.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/policy/order.h"
#include "supervisor/policy/retry.h"

static void
only_failures_are_retried(void **state)
{
	static const bool want[OUTCOME_COUNT] = {
		[OUTCOME_FAIL] = true, [OUTCOME_TIMEOUT] = true,
		[OUTCOME_CRASH] = true, [OUTCOME_OOM] = true,
	};
	int o;

	(void)state;
	for (o = 0; o < OUTCOME_COUNT; o++)
		assert_int_equal(retry_wanted((enum outcome)o), want[o]);
}

static void
delays_without_jitter(void **state)
{
	static const struct {
		const char *name;
		uint64_t delay, max;
		uint32_t milli, k;
		uint64_t want;
	} cases[] = {
		{ "none", 0, 0, 2000, 5, 0 },
		{ "fixed, 0", 250, 0, 0, 7, 250 },
		{ "fixed, 1000", 250, 0, 1000, 7, 250 },
		{ "first", 250, 0, 2000, 1, 250 },
		{ "second", 250, 0, 2000, 2, 500 },
		{ "fifth", 250, 0, 2000, 5, 4000 },
		{ "times 1.5", 100, 0, 1500, 3, 225 },
		{ "short ones grow too", 1, 0, 1500, 4, 3 },
		{ "falling", 800, 0, 500, 3, 200 },
		{ "falling to nothing", 800, 0, 1, 9, 0 },
		{ "ceiling", 250, 3000, 2000, 5, 3000 },
		{ "ceiling below the first", 250, 100, 2000, 1, 100 },
		{ "ceiling of a fixed one", 250, 100, 0, 1, 100 },
		{ "no overflow", 1000, 0, 2000, 200, RETRY_DELAY_MAX },
		{ "no overflow at once", 1000, 0, UINT32_MAX, 4000000000u, RETRY_DELAY_MAX },
		{ "a ceiling holds beyond overflow", 1000, 60000, 3000, 4000000000u, 60000 },
		{ "longest", UINT64_MAX, 0, 0, 1, RETRY_DELAY_MAX },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sched_retry r = { .count = 1, .delay_ms = cases[i].delay,
		    .max_delay_ms = cases[i].max, .multiplier_milli = cases[i].milli };
		uint64_t got = retry_delay(&r, 1, 2, cases[i].k, 0);

		if (got != cases[i].want)
			fail_msg("%s: %llu", cases[i].name, (unsigned long long)got);
	}
}

/* Draws for 2,000 tests stay in lo..hi, come near both ends, and differ. */
static void
check_spread(const struct sched_retry *r, uint32_t k, uint64_t prev, uint64_t lo,
    uint64_t hi)
{
	uint64_t d, min = UINT64_MAX, max = 0;
	uint32_t t;

	for (t = 0; t < 2000; t++) {
		d = retry_delay(r, 7, t, k, prev);
		assert_true(d == retry_delay(r, 7, t, k, prev));
		assert_true(d >= lo && d <= hi);
		min = d < min ? d : min;
		max = d > max ? d : max;
	}
	assert_true(min <= lo + (hi - lo) / 50);
	assert_true(max >= hi - (hi - lo) / 50);
}

static void
jitter_spreads_within_its_bounds(void **state)
{
	struct sched_retry r = { .delay_ms = 1000, .multiplier_milli = 2000 };

	(void)state;
	r.jitter = JITTER_FULL;
	check_spread(&r, 1, 0, 0, 1000);
	check_spread(&r, 3, 700, 0, 4000);
	r.jitter = JITTER_EQUAL;
	check_spread(&r, 1, 0, 500, 1000);
	check_spread(&r, 3, 700, 2000, 4000);
	r.jitter = JITTER_DECORRELATED;
	check_spread(&r, 1, 0, 1000, 3000);
	check_spread(&r, 2, 2500, 1000, 7500);
	r.max_delay_ms = 2000;
	check_spread(&r, 2, 2500, 1000, 2000);
}

static void
jitter_depends_on_seed_test_and_retry(void **state)
{
	struct sched_retry r = { .delay_ms = UINT64_C(1) << 50, .jitter = JITTER_FULL };
	uint64_t d = retry_delay(&r, 1, 1, 1, 0);

	(void)state;
	assert_true(d != retry_delay(&r, 2, 1, 1, 0));
	assert_true(d != retry_delay(&r, 1, 2, 1, 0));
	assert_true(d != retry_delay(&r, 1, 1, 2, 0));
}

static void
jitter_of_extremes(void **state)
{
	struct sched_retry r = { .delay_ms = UINT64_MAX, .multiplier_milli = UINT32_MAX };
	int j;

	(void)state;
	for (j = 0; j < JITTER_COUNT; j++) {
		r.jitter = (enum retry_jitter)j;
		assert_true(retry_delay(&r, 1, 1, UINT32_MAX, UINT64_MAX) <= RETRY_DELAY_MAX);
		r.delay_ms = 0;
		assert_true(retry_delay(&r, 1, 1, 1, 0) == 0);
		r.delay_ms = UINT64_MAX;
	}
}

static void
policy_by_the_look_of_a_failure(void **state)
{
	struct sched_retry r = { .count = 3, .where = WHERE_END, .delay_ms = 70,
	    .multiplier_milli = 2000, .max_delay_ms = 90, .jitter = JITTER_FULL }, got;
	int like;

	(void)state;
	for (like = 0; like < 2; like++) {
		got = retry_policy(&r, like);
		assert_int_equal(got.delay_ms, 70);
		assert_int_equal(got.multiplier_milli, 2000);
		assert_int_equal(got.max_delay_ms, 90);
		assert_int_equal(got.jitter, JITTER_FULL);
	}
	r.auto_delay = true;
	got = retry_policy(&r, false);
	assert_int_equal(retry_delay(&got, 1, 2, 3, 5000), 0);
	assert_int_equal(got.where, WHERE_END);
	assert_int_equal(got.count, 3);
	got = retry_policy(&r, true);
	check_spread(&got, 1, 0, 250, 750);
	check_spread(&got, 2, 600, 250, 1800);
	check_spread(&got, 5, 9000, 250, 10000);
}

/* The formulas of the header once more, in floating point. */
static void
bounds_of(const struct sched_retry *r, uint32_t k, double prev, double *lo, double *hi)
{
	double m = (double)r->delay_ms, ceiling = (double)RETRY_DELAY_MAX;
	uint32_t i;

	if (r->max_delay_ms != 0 && (double)r->max_delay_ms < ceiling)
		ceiling = (double)r->max_delay_ms;
	if (m > ceiling)
		m = ceiling;
	*lo = m;
	*hi = 3 * (prev > m ? prev : m) < ceiling ? 3 * (prev > m ? prev : m) : ceiling;
	if (r->jitter == JITTER_DECORRELATED)
		return;
	for (i = 1; i < k && r->multiplier_milli != 0 && m < ceiling; i++)
		m *= r->multiplier_milli / 1000.0;
	m = m < ceiling ? m : ceiling;
	*hi = m;
	*lo = r->jitter == JITTER_FULL ? 0 : r->jitter == JITTER_EQUAL ? m / 2 : m;
}

static void
delays_agree_with_the_formulas(void **state)
{
	uint64_t rng = 11, got, prev;
	double lo, hi, slack;
	uint32_t i, k;

	(void)state;
	for (i = 0; i < 200000; i++) {
		struct sched_retry r = { .delay_ms = order_below(&rng, 20000),
		    .multiplier_milli = order_below(&rng, 4) * order_below(&rng, 2000),
		    .max_delay_ms = order_below(&rng, 2) * order_below(&rng, 100000),
		    .jitter = (enum retry_jitter)order_below(&rng, JITTER_COUNT) };

		k = 1 + order_below(&rng, 12);
		prev = k == 1 ? 0 : order_below(&rng, 30000);
		got = retry_delay(&r, rng, i, k, prev);
		bounds_of(&r, k, (double)prev, &lo, &hi);
		/* Whole milliseconds, and microseconds on the way. */
		slack = 1 + hi * 1e-2 * (k > 1 && hi < 1000) + hi * 1e-4;
		if ((double)got < lo - slack || (double)got > hi + slack)
			fail_msg("step %u: %llu, not %.1f to %.1f", i,
			    (unsigned long long)got, lo, hi);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_failures_are_retried),
		cmocka_unit_test(delays_without_jitter),
		cmocka_unit_test(jitter_spreads_within_its_bounds),
		cmocka_unit_test(jitter_depends_on_seed_test_and_retry),
		cmocka_unit_test(jitter_of_extremes),
		cmocka_unit_test(policy_by_the_look_of_a_failure),
		cmocka_unit_test(delays_agree_with_the_formulas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of supervisor/policy/retry.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_failures_are_retried),
		cmocka_unit_test(delays_without_jitter),
		cmocka_unit_test(jitter_spreads_within_its_bounds),
		cmocka_unit_test(jitter_depends_on_seed_test_and_retry),
		cmocka_unit_test(jitter_of_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What results say of flakiness: evidence, streaks, when it began, how often it fails. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/known.h"

static struct known_result	v[KNOWN_RESULTS];
static struct known_work	work;
static struct known		k;
static double			weight;		/* between any two runs */
static unsigned			asked;

static double
weigh(void *arg, const struct known_result *a, const struct known_result *b)
{
	assert_null(arg);
	assert_true(a->run != b->run);
	assert_true((a->failures > 0) != (b->failures > 0));
	asked++;
	return weight;
}

/* "P FP FFP": runs, and how each attempt in them ended; `times` over. */
static size_t
know(const char *runs, unsigned times)
{
	uint64_t	ms = 1000;
	size_t		n = 0;

	asked = 0;
	for (unsigned i = 0; i < times; i++) {
		int64_t		run = n > 0 ? v[n - 1].run + 1 : 1;
		uint32_t	attempt = 1;

		for (const char *p = runs; *p != '\0'; p++) {
			if (*p == ' ') {
				run++;
				attempt = 1;
				continue;
			}
			assert_true(n < KNOWN_RESULTS);
			v[n++] = (struct known_result){ .start_ms = ms, .end_ms = ms + 1,
			    .run = run, .attempt = attempt++, .failures = *p == 'F', .print = 1 };
			ms += 60000;
		}
	}
	known_of(v, n, weigh, NULL, &work, &k);
	return n;
}

static void
a_retry_that_heals_is_evidence(void **unused)
{
	(void)unused;
	weight = 0;
	(void)know("P FP P FFP FP P", 1);
	assert_int_equal(k.seen, 3);
	assert_int_equal(k.healed, 3);
	assert_int_equal(k.runs, 6);
	assert_int_equal(k.results, 10);
	assert_int_equal(k.failures, 4);
	assert_int_equal(k.clean, 2);
	assert_int_equal(k.first, 1);
	assert_int_equal(k.last, 7);
	assert_int_equal(k.flakiness.state, FLAKY_STATE_IS);
	assert_int_equal(asked, 0);
}

static void
stable_and_broken_are_none(void **unused)
{
	(void)unused;
	weight = FLAKINESS_SURE;
	(void)know("P", 500);
	assert_int_equal(k.seen, 0);
	assert_true(k.flakiness.score == 0);
	(void)know("FFF", 100);
	assert_int_equal(k.seen, 0);
	assert_true(k.flakiness.score == 0);
	assert_int_equal(k.clean, 0);
	(void)know("", 1);
	assert_int_equal(k.results, 0);
	assert_int_equal(k.flakiness.state, FLAKY_STATE_NOT);
}

/* It broke, and was mended: of different revisions, or where nobody knows. */
static void
a_repair_is_no_evidence(void **unused)
{
	(void)unused;
	weight = 0;
	(void)know("P P FFF FFF FFF P P", 20);
	assert_int_equal(k.seen, 0);
	assert_true(k.flakiness.score == 0);
	weight = FLAKINESS_VAGUE;
	(void)know("P P P P FF FF P P P P", 1);
	assert_int_equal(k.seen, 0);
	assert_true(k.flakiness.score <= FLAKINESS_VAGUE);
	assert_int_equal(k.flakiness.state, FLAKY_STATE_NOT);
}

/* Both outcomes on one revision: once for failures in a row, from whichever side. */
static void
one_revision_with_both_is_evidence(void **unused)
{
	(void)unused;
	weight = FLAKINESS_SURE;
	(void)know("P F P", 1);
	assert_int_equal(k.seen, 1);
	assert_true(k.flakiness.score == FLAKINESS_SURE);
	(void)know("P F F F", 1);
	assert_int_equal(k.seen, 1);
	assert_int_equal(k.healed, 0);
	assert_int_equal(k.last, 3);
	(void)know("P F P P F", 1);
	assert_int_equal(k.seen, 2);
	(void)know("F P P F P F P", 1);
	assert_int_equal(k.flakiness.state, FLAKY_STATE_IS);
}

static void
failures_at_once_are_one(void **unused)
{
	struct known_result	r[] = {
		{ .start_ms = 1000, .end_ms = 1100, .print = 7, .failures = 1, .attempt = 1 },
		{ .start_ms = 6099, .end_ms = 6200, .print = 7, .failures = 1, .attempt = 2 },
		{ .start_ms = 11200, .end_ms = 11300, .print = 7, .failures = 1, .attempt = 3 },
		{ .start_ms = 11400, .end_ms = 11500, .print = 8, .failures = 1, .attempt = 4 },
		{ .start_ms = 11600, .attempt = 5 },
		{ .start_ms = 11700, .end_ms = 11800, .print = 8, .failures = 1, .attempt = 6 },
	};

	(void)unused;
	assert_int_equal(known_merge(r, 6), 5);
	assert_int_equal(r[0].failures, 2);
	assert_int_equal(r[0].end_ms, 6200);
	assert_int_equal(r[0].attempt, 2);
	assert_int_equal(r[1].attempt, 3);	/* it came 5 s later */
	assert_int_equal(r[2].print, 8);	/* it is another failure */
	assert_int_equal(r[3].failures, 0);
	assert_int_equal(r[4].attempt, 6);	/* a pass was between */
	assert_int_equal(known_merge(r, 0), 0);
}

/* 100 clean runs, then every fourth fails: from there on, and at that rate. */
static void
it_began_there(void **unused)
{
	size_t	n = 0;

	(void)unused;
	weight = 0;
	n = know("P P P P P P P P P P", 10);
	for (size_t i = n; i < 160; i++) {
		v[i] = v[i - 1];
		v[i].run++;
		v[i].failures = i % 4 == 0;
	}
	n = 160;
	known_of(v, n, weigh, NULL, &work, &k);
	assert_true(k.began_known);
	assert_int_equal(k.began.at, 100);
	assert_true(k.began.low <= 100 && k.began.low > 70);
	assert_true(k.began.high >= 100 && k.began.high < 110);
	assert_int_equal(k.rate_results, 60);
	assert_int_equal(k.rate_failures, 15);
	assert_true(k.before == 0);
	assert_true(k.alarm > 100 && k.alarm < n);
	/* It is mended: the rate is that of the time in which it was not. */
	for (; n < 500; n++) {
		v[n] = v[n - 1];
		v[n].run++;
		v[n].failures = 0;
	}
	known_of(v, n, weigh, NULL, &work, &k);
	assert_int_equal(k.began.at, 100);
	assert_true(k.rate_results > 55 && k.rate_results < 65);
	assert_int_equal(k.rate_failures, 15);
}

/* A test that has always been so did not begin. */
static void
it_may_have_been_so_always(void **unused)
{
	(void)unused;
	weight = 0;
	(void)know("P FP P P", 50);
	assert_false(k.began_known);
	assert_int_equal(k.rate_results, 250);
	assert_int_equal(k.rate_failures, 50);
	assert_true(k.alarm != SIZE_MAX);
	/* One failure in 200 is no alarm, and nothing is looked for. */
	(void)know("P", 199);
	v[150].failures = 1;
	known_of(v, 199, weigh, NULL, &work, &k);
	assert_int_equal(k.alarm, SIZE_MAX);
	assert_false(k.began_known);
}

/* Wilson's interval, computed apart with decimals of 40 digits (Python's decimal module,
 * z = 1.95996398454005423552). */
static void
intervals(void **unused)
{
	static const struct { size_t k, n; double low, high; } cases[] = {
		{ 0, 10, 0.0000000000, 0.2775327999 },
		{ 1, 10, 0.0178762131, 0.4041500268 },
		{ 5, 10, 0.2365930905, 0.7634069095 },
		{ 10, 10, 0.7224672001, 1.0000000000 },
		{ 3, 200, 0.0051142378, 0.0431657288 },
		{ 1, 4096, 0.0000430981, 0.0013817030 },
	};
	double	low, high;

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		known_interval(cases[i].k, cases[i].n, &low, &high);
		assert_true(fabs(low - cases[i].low) < 1e-9);
		assert_true(fabs(high - cases[i].high) < 1e-9);
	}
	known_interval(0, 0, &low, &high);
	assert_true(low == 0 && high == 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_retry_that_heals_is_evidence),
		cmocka_unit_test(stable_and_broken_are_none),
		cmocka_unit_test(a_repair_is_no_evidence),
		cmocka_unit_test(one_revision_with_both_is_evidence),
		cmocka_unit_test(failures_at_once_are_one),
		cmocka_unit_test(it_began_there),
		cmocka_unit_test(it_may_have_been_so_always),
		cmocka_unit_test(intervals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of the statistics of flake detection: supervisor/policy/flake.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "supervisor/policy/flake.h"

static struct flake_policy
defaults(void)
{
	struct flake_policy p = { .on = true };

	return flake_defaults(&p);
}

static void
assert_near(double got, double want, double off)
{
	if (!(fabs(got - want) <= off))
		fail_msg("%.9g, not %.9g", got, want);
}

static void
defaults_and_bounds(void **state)
{
	struct flake_policy p = defaults();
	struct flake_policy wild = { .runs = UINT32_MAX, .max_runs = UINT32_MAX, .threshold = 7,
	    .alpha = 2, .beta = -1, .noise = 0.9, .rate = 0.04, .fdr = NAN };

	(void)state;
	assert_int_equal(p.max_runs, 300);
	assert_near(p.threshold, 0.1, 0);
	assert_near(p.alpha, 0.01, 0);
	assert_near(p.beta, 0.05, 0);
	assert_near(p.noise, 0.001, 0);
	assert_near(p.rate, 0.05, 0);
	assert_near(p.fdr, 0.05, 0);
	p = flake_defaults(&wild);
	assert_int_equal(p.runs, 10000);
	assert_int_equal(p.max_runs, 10000);
	assert_near(p.threshold, 0.5, 0);
	assert_near(p.alpha, 0.5, 0);
	assert_near(p.beta, 0.05, 0);
	assert_near(p.noise, 0.02, 0);
	assert_near(p.fdr, 0.05, 0);
}

/* Each row is a boundary: so many failures, and the passes up to which it is flaky, or
 * with which it is stable at last.  Worked out apart, in Python. */
static void
boundaries(void **state)
{
	static const struct {
		uint32_t fails, passes;
	} flaky[] = { { 2, 50 }, { 3, 149 }, { 4, 279 }, { 5, 430 }, { 6, 585 } },
	  stable[] = { { 0, 60 }, { 1, 138 }, { 2, 216 }, { 3, 293 } };
	struct flake_policy p = defaults();
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_true(flake_evidence(&p, flaky[i].fails, flaky[i].passes) >= log(100));
		assert_true(flake_evidence(&p, flaky[i].fails, flaky[i].passes + 1) < log(100));
	}
	p.max_runs = 10000;
	for (i = 0; i < 4; i++) {
		assert_int_equal(flake_decide(&p, stable[i].fails, stable[i].passes, 0),
		    FLAKE_STABLE);
		assert_int_equal(flake_decide(&p, stable[i].fails, stable[i].passes - 1, 0),
		    FLAKE_OPEN);
		/* Failing all the time is its mirror. */
		assert_int_equal(flake_decide(&p, stable[i].passes, stable[i].fails, 0),
		    FLAKE_BROKEN);
		assert_int_equal(flake_decide(&p, stable[i].passes - 1, stable[i].fails, 0),
		    FLAKE_OPEN);
	}
	assert_int_equal(flake_decide(&p, 2, 6, 0), FLAKE_FLAKY);
	assert_int_equal(flake_decide(&p, 1, 6, 0), FLAKE_OPEN);
	assert_int_equal(flake_decide(&p, 1, 1, 0), FLAKE_OPEN);
}

static void
an_end_is_put_to_it(void **state)
{
	struct flake_policy p = defaults();

	(void)state;
	p.max_runs = 20;
	assert_int_equal(flake_decide(&p, 0, 19, 0), FLAKE_OPEN);
	assert_int_equal(flake_decide(&p, 0, 20, 0), FLAKE_UNSURE);
	assert_int_equal(flake_decide(&p, 1, 19, 0), FLAKE_SUSPECT);
	/* When no more runs are to be had, whatever was planned. */
	assert_int_equal(flake_conclude(&p, 0, 0, 0), FLAKE_UNSURE);
	assert_int_equal(flake_conclude(&p, 1, 9, 0), FLAKE_SUSPECT);
	assert_int_equal(flake_conclude(&p, 2, 9, 0), FLAKE_FLAKY);
	assert_int_equal(flake_conclude(&p, 0, 60, 0), FLAKE_STABLE);
}

/* The original: ten runs, flaky when the minority is more than a tenth. */
static void
fixed_runs(void **state)
{
	struct flake_policy p = defaults();

	(void)state;
	p.runs = 10;
	assert_int_equal(flake_decide(&p, 2, 7, 0), FLAKE_OPEN);
	assert_int_equal(flake_decide(&p, 2, 8, 0), FLAKE_FLAKY);
	assert_int_equal(flake_decide(&p, 8, 2, 0), FLAKE_FLAKY);
	assert_int_equal(flake_decide(&p, 1, 9, 0), FLAKE_SUSPECT);
	assert_int_equal(flake_decide(&p, 0, 10, 0), FLAKE_STABLE);
	assert_int_equal(flake_decide(&p, 10, 0, 0), FLAKE_BROKEN);
	assert_int_equal(flake_decide(&p, 0, 5, 0), FLAKE_OPEN);
	assert_int_equal(flake_conclude(&p, 0, 5, 0), FLAKE_UNSURE);
	assert_int_equal(flake_conclude(&p, 2, 3, 0), FLAKE_SUSPECT);
	/* More than the share, and not the share itself. */
	p.runs = 100;
	p.threshold = 0.29;
	assert_int_equal(flake_decide(&p, 29, 71, 0), FLAKE_SUSPECT);
	assert_int_equal(flake_decide(&p, 30, 70, 0), FLAKE_FLAKY);
	p.runs = 5;
	p.stop_on_stable = true;
	assert_int_equal(flake_decide(&p, 0, 2, 0), FLAKE_OPEN);
	assert_int_equal(flake_decide(&p, 0, 3, 0), FLAKE_STABLE);
	p.runs = 10;
	assert_int_equal(flake_decide(&p, 0, 5, 0), FLAKE_STABLE);
	assert_int_equal(flake_decide(&p, 5, 0, 0), FLAKE_BROKEN);
	assert_int_equal(flake_decide(&p, 0, 4, 0), FLAKE_OPEN);
	assert_int_equal(flake_decide(&p, 1, 5, 0), FLAKE_OPEN);
}

/* Worked out apart, in Python, from the definition in flake.h by halving. */
static void
intervals(void **state)
{
	static const struct {
		uint32_t fails, passes;
		double low, high;
	} v[] = {
		{ 0, 1, 0.00000000, 0.99204600 },
		{ 0, 60, 0.00000000, 0.11623850 },
		{ 1, 0, 0.00204600, 1.00000000 },
		{ 60, 0, 0.83324184, 1.00000000 },
		{ 2, 6, 0.00606613, 0.80514896 },
		{ 1, 137, 0.00000190, 0.07427684 },
		{ 3, 50, 0.00373677, 0.21980843 },
		{ 30, 30, 0.26727957, 0.73272043 },
		{ 5, 295, 0.00181334, 0.05903354 },
	};
	struct flake_policy p = defaults();
	double low, high;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		flake_interval(&p, v[i].fails, v[i].passes, &low, &high);
		assert_near(low, v[i].low, 1e-6);
		assert_near(high, v[i].high, 1e-6);
	}
	flake_interval(&p, 0, 0, &low, &high);
	assert_near(low, 0, 0);
	assert_near(high, 1, 0);
}

static void
many_tests_together(void **state)
{
	static const double none[] = { 2.9, 1, 0 }, one[] = { 5, 3, 0, -HUGE_VAL };
	/* ln(4 / 0.05) = 4.38, ln(2 / 0.05) = 3.69, ln(4 / 0.15) = 3.28. */
	static const double all_or_none[] = { 3.7, 3.7, 3.3, 1 };
	static const double far[] = { HUGE_VAL };

	(void)state;
	assert_int_equal(flake_confirm(none, 0, 0.05), 0);
	assert_int_equal(flake_confirm(none, 3, 0.05), 0);
	assert_int_equal(flake_confirm(one, 4, 0.05), 1);
	/* None of the three would be confirmed alone. */
	assert_int_equal(flake_confirm(all_or_none, 4, 0.05), 3);
	assert_int_equal(flake_confirm(far, 1, 0.05), 1);
}

/* 60 passes in all; with 30 on record, 32: the share of flaky tests with a rate of 0.05 or
 * more that pass as often is 0.0498 (31: 0.0528). */
static void
passes_on_record(void **state)
{
	struct flake_policy	given = { .on = true }, p = flake_defaults(&given);

	(void)state;
	assert_int_equal(flake_decide(&p, 0, 30, 29), FLAKE_OPEN);
	assert_int_equal(flake_decide(&p, 0, 31, 29), FLAKE_STABLE);
	assert_int_equal(flake_decide(&p, 0, 1, 30), FLAKE_OPEN);
	assert_int_equal(flake_decide(&p, 0, 2, 30), FLAKE_STABLE);
	assert_int_equal(flake_decide(&p, 0, 0, 64), FLAKE_OPEN);
	assert_int_equal(flake_decide(&p, 0, 1, 64), FLAKE_STABLE);
	/* Whatever it did then, it fails now. */
	assert_int_equal(flake_decide(&p, 1, 59, 64), FLAKE_OPEN);
	assert_int_equal(flake_decide(&p, 2, 20, 64), FLAKE_FLAKY);
	/* Rates from 0.01 on count too, when these are asked for. */
	p.rate = 0.01;
	assert_int_equal(flake_decide(&p, 0, 1, 64), FLAKE_OPEN);
	/* No test of the table is flaky at 0.95 or more. */
	p.rate = 0.95;
	assert_int_equal(flake_decide(&p, 0, 1, 30), flake_decide(&p, 0, 31, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_and_bounds),
		cmocka_unit_test(boundaries),
		cmocka_unit_test(an_end_is_put_to_it),
		cmocka_unit_test(fixed_runs),
		cmocka_unit_test(intervals),
		cmocka_unit_test(many_tests_together),
		cmocka_unit_test(passes_on_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

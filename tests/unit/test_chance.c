/* Failure rates and runs to see a failure, against exact values. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "ctl/chance.h"

static void
assert_near(double is, double want)
{
	if (!(fabs(is - want) < 1e-8))
		fail_msg("%.10g, not %.10g", is, want);
}

/* Made with rational numbers in Python: sums of comb(n, i) p^i (1-p)^(n-i), bisected. */
static void
the_lower_end(void **state)
{
	static const struct { uint64_t fails, runs; double error, want; } v[] = {
		{ 1, 1, 0.05, 0.050000000 }, { 1, 2, 0.05, 0.025320566 },
		{ 2, 8, 0.05, 0.046389264 }, { 10, 100, 0.05, 0.055263238 },
		{ 5, 5, 0.05, 0.549280272 }, { 10, 100, 0.01, 0.042352092 },
		{ 3, 300, 0.05, 0.002731030 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_near(chance_low(v[i].fails, v[i].runs, v[i].error), v[i].want);
	assert_near(chance_low(0, 100, 0.05), 0);
	assert_near(chance_low(0, 0, 0.05), 0);
	/* Many runs are no trouble: 0.05 less 1.645 deviations of 0.00218, about. */
	assert_true(fabs(chance_low(500, 10000, 0.05) - 0.04645) < 0.0001);
}

static void
so_many_runs(void **state)
{
	(void)state;
	assert_int_equal(chance_runs(0.05, 0.05), 59);	/* 0.95^58 = 0.0510, ^59 = 0.0485 */
	assert_int_equal(chance_runs(0.5, 0.25), 2);
	assert_int_equal(chance_runs(0.5, 0.24), 3);
	assert_int_equal(chance_runs(0.99, 0.05), 1);
	assert_int_equal(chance_runs(1, 0.05), 1);
	assert_int_equal(chance_runs(0, 0.05), UINT32_MAX);
	/* What they exclude is what they were for. */
	assert_true(chance_excluded(59, 0.05) < 0.05 && chance_excluded(58, 0.05) > 0.05);
	assert_near(chance_excluded(1, 0.05), 0.95);
	assert_near(chance_excluded(0, 0.05), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lower_end),
		cmocka_unit_test(so_many_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

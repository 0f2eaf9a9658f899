/* Unit tests of store/estimate.c. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "store/estimate.h"

static void
nothing_is_known(void **state)
{
	struct estimate	e = { 0 };

	(void)state;
	assert_int_equal(estimate_us(&e), 0);
	assert_int_equal(estimate_spread_us(&e), 0);
	assert_int_equal(estimate_fail_ppm(&e), 0);
}

/* By hand: 1 s, then 2 s with a failure. */
static void
two_results(void **state)
{
	struct estimate	e = { 0 };

	(void)state;
	estimate_add(&e, 1000000, false);
	assert_int_equal(e.n, 1);
	assert_float_equal(e.mu, 13.815510558, 1e-9);	/* ln 10^6 */
	assert_float_equal(e.dev, 0.095310180, 1e-9);	/* ln 1.1 */
	assert_int_equal(estimate_us(&e), 1048809);	/* 10^6 * sqrt(1.1): within 5 % */
	assert_int_equal(estimate_spread_us(&e), 100000);
	assert_int_equal(estimate_fail_ppm(&e), 1000);
	estimate_add(&e, 2000000, true);
	assert_int_equal(e.n, 2);
	assert_float_equal(e.mu, 13.815510558 + 0.693147181 / 8, 1e-9);
	assert_float_equal(e.dev, 0.095310180 * 3 / 4 + 0.693147181 / 4, 1e-9);
	assert_int_equal(estimate_fail_ppm(&e), 101000);
	estimate_add(&e, 2000000, false);
	assert_int_equal(estimate_fail_ppm(&e), 91000);
}

static void
steady_and_changing(void **state)
{
	struct estimate	e = { 0 };

	(void)state;
	for (int i = 0; i < 50; i++)
		estimate_add(&e, 3000000, false);
	assert_in_range(estimate_us(&e), 3000000, 3000010);	/* the spread is forgotten */
	assert_in_range(estimate_spread_us(&e), 0, 10);
	estimate_add(&e, 300000000, false);			/* one slow run is no new rule */
	assert_in_range(estimate_us(&e), 3000000, 10000000);
	for (int i = 0; i < 60; i++)
		estimate_add(&e, 300000000, true);		/* sixty are */
	assert_in_range(estimate_us(&e), 297000000, 303000000);
	assert_in_range(estimate_fail_ppm(&e), 998000, 1000000);
}

static void
bounds(void **state)
{
	struct estimate	e = { 0 };

	(void)state;
	estimate_add(&e, 0, false);
	assert_int_equal(estimate_us(&e), 1);
	e = (struct estimate){ 0 };
	estimate_add(&e, UINT64_MAX, false);
	assert_int_equal(estimate_us(&e), 1000000000000000);
	for (int i = 0; i < 10000; i++)
		estimate_add(&e, 10, true);
	assert_int_equal(estimate_fail_ppm(&e), 1000000);
}

/* Columns of a damaged database. */
static void
hostile_numbers(void **state)
{
	const double	v[] = { NAN, INFINITY, -INFINITY, 1e300, -1e300 };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		for (size_t j = 0; j < 5; j++) {
			struct estimate	e = { v[i], v[j], v[(i + j) % 5], 9 };

			assert_in_range(estimate_us(&e), 0, 1000000000000000);
			assert_in_range(estimate_spread_us(&e), 0, 1000000000000000);
			assert_in_range(estimate_fail_ppm(&e), 0, 1000000);
			if (i < 3) {		/* a result mends it */
				estimate_add(&e, 5000, false);
				assert_in_range(estimate_us(&e), 5000, 6000);
				assert_int_equal(estimate_fail_ppm(&e), 1000);
				assert_int_equal(e.n, 10);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(nothing_is_known),
		cmocka_unit_test(two_results),
		cmocka_unit_test(steady_and_changing),
		cmocka_unit_test(bounds),
		cmocka_unit_test(hostile_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

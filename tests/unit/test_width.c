/* Unit tests of supervisor/policy/width.c: shares, costs, and the share of the unknown. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/policy/width.h"

static void
shares(void **state)
{
	(void)state;
	assert_int_equal(width_share(0, 0), 0);			/* no record */
	assert_int_equal(width_share(10000, 49999), 0);		/* too short to say */
	assert_int_equal(width_share(0, 50000), WIDTH_LEAST);
	assert_int_equal(width_share(25000, 100000), 250);
	assert_int_equal(width_share(100000, 100000), WIDTH_CPU);
	assert_int_equal(width_share(900000, 100000), WIDTH_CPU);	/* of several CPUs */
	assert_int_equal(width_share(UINT64_MAX, 100000), WIDTH_CPU);
}

static void
costs(void **state)
{
	(void)state;
	assert_int_equal(width_cost(0), 0);
	assert_int_equal(width_cost(1), 20);
	assert_int_equal(width_cost(41), WIDTH_IDLE);
	assert_int_equal(width_cost(61), 80);
	assert_int_equal(width_cost(500), 500);
	/* Half a CPU by its record may be a whole one that it had to share. */
	assert_int_equal(width_cost(501), WIDTH_CPU);
	assert_int_equal(width_cost(5000), WIDTH_CPU);
	for (uint32_t i = 1; i <= 1000; i++) {
		assert_true(width_cost(i) >= i);
		assert_true(width_cost(i) >= width_cost(i - 1));
	}
	assert_true(width_is_idle(WIDTH_IDLE));
	assert_false(width_is_idle(80));
	assert_false(width_is_idle(0));
}

static void
what_fits(void **state)
{
	(void)state;
	assert_true(width_fits(2, 2100, 0));
	assert_false(width_fits(2, 2101, 0));
	assert_true(width_fits(2, 500, 2));	/* CPUs are short */
	assert_false(width_fits(2, 500, 3));
	assert_true(width_fits_idle(2, 1000));
	assert_false(width_fits_idle(2, 1001));
}

/* So many looks at a host of 4 CPUs. */
static void
look(struct width *w, unsigned times, uint64_t busy, uint64_t known, uint32_t unknown,
    uint32_t stall)
{
	const struct width_seen	s = { .cpus = 4, .busy_milli = busy, .known_milli = known,
	    .unknown = unknown, .stall_milli = stall, .bound_milli = 400 };

	while (times-- > 0)
		width_look(w, &s);
}

static void
the_unknown_are_measured(void **state)
{
	struct width	w;

	(void)state;
	width_init(&w);
	assert_int_equal(w.share_milli, WIDTH_CPU);
	look(&w, 1, 400, 0, 4, 0);
	assert_int_equal(w.share_milli, 600);		/* not faster than that */
	look(&w, 20, 400, 0, 4, 0);
	assert_in_range(w.share_milli, 100, 110);
	look(&w, 20, 1400, 1000, 4, 0);			/* what is known takes the rest */
	assert_in_range(w.share_milli, 100, 110);
	look(&w, 20, 0, 0, 4, 0);
	assert_int_equal(w.share_milli, WIDTH_LEAST);
	look(&w, 20, 3000, 0, 4, 0);			/* and up again */
	assert_in_range(w.share_milli, 700, 750);
	look(&w, 20, 400, 0, 0, 0);			/* none runs: nothing is learnt */
	assert_in_range(w.share_milli, 700, 750);
}

static void
busy_cpus_hold_it(void **state)
{
	struct width	w;

	(void)state;
	width_init(&w);
	look(&w, 20, 1600, 0, 8, 0);
	assert_in_range(w.share_milli, 200, 205);
	look(&w, 20, 4000, 0, 40, 0);			/* 100 each, but all are busy */
	assert_in_range(w.share_milli, 200, 205);
}

/* It rises while too much waits, and not again before that is over. */
static void
pressure_has_hysteresis(void **state)
{
	struct width	w;
	uint32_t	share;

	(void)state;
	width_init(&w);
	look(&w, 20, 800, 0, 8, 0);
	share = w.share_milli;
	look(&w, 20, 4000, 0, 8, 390);
	assert_false(w.pressed);
	share = w.share_milli;
	look(&w, 20, 4000, 0, 8, 410);
	assert_true(w.pressed);
	assert_true(w.share_milli > share);
	look(&w, 20, 4000, 0, 8, 300);
	assert_true(w.pressed);
	look(&w, 20, 4000, 0, 8, 200);
	assert_false(w.pressed);
	look(&w, 200, 4000, 0, 8, 1000);
	assert_int_equal(w.share_milli, WIDTH_CPU);	/* one a CPU, and no less */
	w.pressed = true;
	width_look(&w, &(struct width_seen){ .cpus = 4, .stall_milli = 1000 });
	assert_false(w.pressed);			/* it does not matter */
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(shares),
		cmocka_unit_test(costs),
		cmocka_unit_test(what_fits),
		cmocka_unit_test(the_unknown_are_measured),
		cmocka_unit_test(busy_cpus_hold_it),
		cmocka_unit_test(pressure_has_hysteresis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

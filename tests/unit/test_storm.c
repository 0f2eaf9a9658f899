/* Environment events: when failures are too many to be the tests' own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "store/storm.h"

#define T0	UINT64_C(1700000000000)

/* Computed apart, as 1 - sum in decimals of 50 digits (Python's decimal module). */
static void
the_tail_of_poisson(void **unused)
{
	static const struct { double mean; uint32_t count; double chance; } cases[] = {
		{ 0.01, 3, 1.654216528075e-07 }, { 0.2, 3, 1.148481244862e-03 },
		{ 0.2, 5, 2.258190552958e-06 }, { 0.2, 6, 7.490854474987e-08 },
		{ 1, 3, 8.030139707139e-02 }, { 1, 10, 1.114254783387e-07 },
		{ 5, 3, 8.753479805169e-01 }, { 10, 40, 7.341636314560e-13 },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		double	got = storm_chance(cases[i].mean, cases[i].count);

		assert_true(fabs(got - cases[i].chance) < 1e-9 * cases[i].chance);
	}
	assert_true(storm_chance(3, 0) == 1);
	assert_true(storm_chance(0, 1) == 0);
}

static void
what_is_a_group(void **unused)
{
	(void)unused;
	assert_true(storm_group(SV_LIT("net/a")) == storm_group(SV_LIT("net/b")));
	assert_true(storm_group(SV_LIT("net/a")) != storm_group(SV_LIT("db/a")));
	assert_true(storm_group(SV_LIT("a::b::c")) == storm_group(SV_LIT("a::b::d")));
	assert_true(storm_group(SV_LIT("a")) != storm_group(SV_LIT("b")));
	assert_true(storm_group(SV_LIT("")) == storm_group(SV_LIT("")));
	assert_true(storm_group(SV_LIT(":")) != storm_group(SV_LIT("/")));
}

/* So many passes, spread over a second. */
static void
pass(struct storm *s, uint64_t at_ms, int n)
{
	uint64_t	from;

	for (int i = 0; i < n; i++)
		assert_false(storm_add(s, at_ms + (uint64_t)i * 1000 / (uint64_t)n, false, 0,
		    &from));
}

/* 18 attempts and 3 failures: 9.6e-7; with one pass more it might be chance. */
static void
three_are_the_fewest(void **unused)
{
	struct storm	s = { .slice = 0 };
	uint64_t	from;

	(void)unused;
	pass(&s, T0, 15);
	assert_false(storm_add(&s, T0 + 1000, true, 1, &from));
	assert_false(storm_add(&s, T0 + 2000, true, 2, &from));
	assert_true(storm_add(&s, T0 + 3000, true, 3, &from));
	assert_int_equal(from, T0 + 1000);
	s = (struct storm){ .slice = 0 };
	pass(&s, T0, 16);
	assert_false(storm_add(&s, T0 + 1000, true, 1, &from));
	assert_false(storm_add(&s, T0 + 2000, true, 2, &from));
	assert_false(storm_add(&s, T0 + 3000, true, 3, &from));
}

/* However often two groups fail, they are two. */
static void
few_groups_are_no_event(void **unused)
{
	struct storm	s = { .slice = 0 };
	uint64_t	from;

	(void)unused;
	for (uint64_t i = 0; i < 200; i++)
		assert_false(storm_add(&s, T0 + i, true, i % 2, &from));
	/* Three of 201 may be chance. */
	assert_false(storm_add(&s, T0 + 300, true, 2, &from));
}

/* What ended more than ten seconds ago counts neither way. */
static void
it_is_of_the_last_seconds(void **unused)
{
	struct storm	s = { .slice = 0 };
	uint64_t	from;

	(void)unused;
	pass(&s, T0, 5000);
	assert_false(storm_add(&s, T0 + 1000, true, 1, &from));
	assert_false(storm_add(&s, T0 + 12000, true, 2, &from));
	assert_false(storm_add(&s, T0 + 12100, true, 3, &from));
	assert_true(storm_add(&s, T0 + 12200, true, 4, &from));
	assert_int_equal(from, T0 + 12000);
	/* Days later it begins anew. */
	assert_false(storm_add(&s, T0 + 86400000, true, 5, &from));
	/* An end that comes late is one of now. */
	assert_false(storm_add(&s, T0 + 86300000, true, 6, &from));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tail_of_poisson),
		cmocka_unit_test(what_is_a_group),
		cmocka_unit_test(three_are_the_fewest),
		cmocka_unit_test(few_groups_are_no_event),
		cmocka_unit_test(it_is_of_the_last_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

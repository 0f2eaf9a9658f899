/*
 * Unit tests of where a budget's next attempt goes: supervisor/policy/allot.c.  Chances
 * were computed apart, with Bayes' rule on plain (not logarithmic) likelihoods in Python.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/policy/allot.h"

#define N	6

static struct allot *
make(const struct sched_test *tests, const struct flake_record *records)
{
	struct flake_policy	f = { .on = true };
	struct sched_plan	plan = { .tests = tests, .ntests = N, .seed = 3,
	    .records = records };
	struct allot		*a;

	plan.flake = flake_defaults(&f);
	a = allot_new(&plan);
	assert_non_null(a);
	return a;
}

static void
about(double value, double want)
{
	if (value < want - 1e-9 || value > want + 1e-9)
		fail_msg("%.12f, not %.12f", value, want);
}

/* Tests 0 to 2 are one group, 3 and 4 too few for one. */
static const struct flake_record	groups[N] = { { .group = 1 }, { .group = 1 },
    { .group = 1 }, { .group = 0 }, { .group = 0 }, { .group = 2 } };
static const struct sched_test		same[N] = { { .weight = 1 } };

static void
chances(void **state)
{
	struct allot	*a = make(same, groups);

	(void)state;
	about(allot_chance(a, 5, 0, 0), 0.04);
	about(allot_chance(a, 5, 0, 10), 0.025914188086329133);
	about(allot_chance(a, 5, 0, 60), 0.014932750628231906);
	about(allot_chance(a, 5, 1, 0), 0.3987275852982144);
	about(allot_chance(a, 5, 1, 5), 0.4805273796176172);
	about(allot_chance(a, 5, 2, 20), 0.9239077616775303);
	/* Far below the smallest number that there is, were they not logarithms. */
	assert_true(allot_chance(a, 5, 5000, 5000) > 0.999);
	assert_true(allot_chance(a, 5, 0, 10000) < 0.01);
	allot_free(a);
}

static void
one_of_a_group_draws_to_the_others(void **state)
{
	struct allot	*a = make(same, groups);
	const uint32_t	*v;
	uint32_t	 n, before = allot_rank(a, 1, 0, 0), other = allot_rank(a, 4, 0, 0);

	(void)state;
	assert_false(allot_saw(a, 0, 0, 5));
	assert_true(allot_saw(a, 0, 1, 5));
	about(allot_chance(a, 1, 0, 0), 0.18684245987253909);
	about(allot_chance(a, 1, 0, 10), 0.12793808190904113);
	about(allot_chance(a, 4, 0, 0), 0.04);
	assert_true(allot_rank(a, 1, 0, 0) < before);
	assert_int_equal(allot_rank(a, 4, 0, 0), other);
	v = allot_group(a, 1, &n);
	assert_int_equal(n, 3);
	assert_true(v[0] == 0 && v[1] == 1 && v[2] == 2);
	/* Told once; a group of two says nothing. */
	assert_false(allot_saw(a, 0, 1, 6));
	assert_false(allot_saw(a, 3, 1, 5));
	about(allot_chance(a, 4, 0, 0), 0.04);
	(void)allot_group(a, 4, &n);
	assert_int_equal(n, 0);
	allot_free(a);
}

static void
order(void **state)
{
	static const struct sched_test	tests[N] = { { .expected_us = 10000000 },
	    { .expected_us = 10000 } };
	static const struct flake_record records[N] =
	    { [2] = { .group = 1, .fails = 2, .passes = 28 },
	    [3] = { .group = 2, .passes = 60 } };
	struct allot			*a = make(tests, NULL);

	(void)state;
	/* Who has run less, who is shorter, who has failed goes first. */
	assert_true(allot_rank(a, 2, 0, 1) < allot_rank(a, 3, 0, 50));
	assert_true(allot_rank(a, 1, 0, 0) < allot_rank(a, 0, 0, 0));
	assert_true(allot_rank(a, 2, 1, 5) < allot_rank(a, 3, 0, 0));
	/* But not without end; nor what fails each time. */
	assert_true(allot_rank(a, 1, 0, 3000) > allot_rank(a, 0, 0, 0));
	assert_true(allot_rank(a, 2, 6, 0) > allot_rank(a, 3, 0, 0));
	allot_free(a);
	a = make(same, records);
	assert_true(allot_rank(a, 2, 0, 0) < allot_rank(a, 5, 0, 0));
	assert_true(allot_rank(a, 3, 0, 0) > allot_rank(a, 5, 0, 0));
	allot_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chances),
		cmocka_unit_test(one_of_a_group_draws_to_the_others),
		cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* ctl/flaky_stats.c against values that were worked out apart. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "ctl/flaky_stats.h"

static void
assert_near(double got, double want)
{
	if (!(fabs(got - want) < 1e-8))
		fail_msg("%.12g, not %.12g", got, want);
}

/* Worked out in Python, with whole numbers (fractions and math.comb). */
static void
exact_test(void **state)
{
	(void)state;
	assert_near(stats_fisher(STATS_MORE, 4, 8, 0, 14), 0.033110368);
	assert_near(stats_fisher(STATS_MORE, 3, 1, 1, 3), 0.242857143);
	assert_near(stats_fisher(STATS_MORE, 10, 2, 3, 15), 0.000465181);
	assert_near(stats_fisher(STATS_MORE, 1, 0, 0, 1), 0.5);
	assert_near(stats_fisher(STATS_MORE, 0, 5, 0, 5), 1);
	assert_near(stats_fisher(STATS_LESS, 0, 14, 4, 8), 0.033110368);
	assert_near(stats_fisher(STATS_LESS, 3, 15, 10, 2), 0.000465181);
	assert_near(stats_fisher(STATS_LESS, 0, 20, 0, 20), 1);
	/* Its two tails are alike only when the rows are as long. */
	assert_near(stats_fisher(STATS_BOTH, 3, 1, 1, 3), 0.485714286);
	assert_near(stats_fisher(STATS_BOTH, 10, 2, 3, 15), 0.000536724);
	assert_near(stats_fisher(STATS_MORE, 0, 0, 3, 15), 1);
}

/* The example of three hypotheses: 3 x 0.01, 2 x 0.02, then no less than before. */
static void
several_at_once(void **state)
{
	double	p[] = { 0.02, 0.9, 0.01 }, equal[] = { 0.03, 0.03 };

	(void)state;
	stats_holm(p, 3);
	assert_near(p[0], 0.04);
	assert_near(p[1], 0.9);
	assert_near(p[2], 0.03);
	stats_holm(equal, 2);
	assert_near(equal[0], 0.06);
	assert_near(equal[1], 0.06);
	stats_holm(p, 0);
}

/* By counting all ways in Python (itertools), and by its formula there. */
static void
ranks(void **state)
{
	static const double	a[] = { 1.1, 2.2, 3.3 }, b[] = { 4, 5, 6, 7 };
	static const double	c[] = { 5, 5, 7, 8, 9, 9 }, d[] = { 1, 2, 5, 5, 6 };
	double			many[20], more[20];

	(void)state;
	assert_near(stats_ranks(a, 3, b, 4), 2.0 / 35);
	assert_near(stats_ranks(b, 4, a, 3), 2.0 / 35);
	assert_near(stats_ranks(c, 6, d, 5), 0.0432900433);
	assert_near(stats_ranks(a, 3, a, 3), 1);
	assert_near(stats_ranks(a, 0, b, 4), 1);
	for (int i = 0; i < 20; i++) {
		many[i] = i;
		more[i] = i / 2 + 6;
	}
	assert_near(stats_ranks(many, 20, more, 20), 0.597173741);
	for (int i = 0; i < 20; i++)
		many[i] = 1;
	assert_near(stats_ranks(many, 20, many, 20), 1);
}

static void
medians(void **state)
{
	double	odd[] = { 9, 1, 5 }, even[] = { 4, 1, 3, 2 };

	(void)state;
	assert_near(stats_median(odd, 3), 5);
	assert_near(stats_median(even, 4), 2.5);
	assert_near(stats_median(even, 0), 0);
}

/* The exact shares of all orders, counted in Python. */
static void
outcomes_in_a_row(void **state)
{
	(void)state;
	assert_near(stats_runs(3, 5, 2), 2.0 / 56);
	assert_near(stats_runs(3, 5, 3), 8.0 / 56);
	assert_near(stats_runs(3, 5, 7), 1);
	assert_near(stats_runs(5, 15, 4), 0.00851393189);
	assert_near(stats_runs(0, 15, 1), 1);
	assert_near(stats_factor(0.05), 2.45602349);
	assert_near(stats_factor(0.5), 1);
}

/* Two groups: what differs between them does not count.  Python has computed it. */
static void
ranks_within_groups(void **state)
{
	static const double	v[] = { 5, 7, 7, 1, 2, 3, 7, 10, 30, 10, 20, 20, 5, 1 };
	static const bool	in[] = { 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0 };
	static const unsigned	group[] = { 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1 };
	static const unsigned	apart[] = { 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1 };

	(void)state;
	assert_near(stats_ranks_within(v, in, group, 14, 2), 0.04039420495615199);
	assert_near(stats_ranks_within(v, in, apart, 14, 2), 1);
	assert_near(stats_ranks_within(v, in, group, 0, 2), 1);
}

/* Gaps of 4 at a failure rate of 1/4: 0.75^3 - 0.75^4 each, but for the first. */
static void
a_rhythm(void **state)
{
	static const uint64_t	even[] = { 3, 7, 11, 15 }, odd[] = { 1, 3, 9, 15 },
	    row[] = { 1, 2, 9, 15 };

	(void)state;
	assert_near(stats_rhythm(even, 4, 16), pow(pow(0.75, 3) - pow(0.75, 4), 2));
	assert_near(stats_rhythm(odd, 4, 16), pow(0.75 - pow(0.75, 6), 2));
	assert_near(stats_rhythm(row, 4, 16), 1);
	assert_near(stats_rhythm(even, 3, 16), 1);
	assert_near(stats_rhythm(even, 4, 4), 1);
}

/* Within each table the rows are alike, however they differ in sum; and 12 small ones that all
 * say the same.  Python has computed the second. */
static void
tables_apart(void **state)
{
	static const struct stats_table	two[] = { { { { 9, 10 }, { 27, 30 } } },
	    { { { 3, 30 }, { 1, 10 } } } };
	struct stats_table		many[12];

	(void)state;
	assert_near(stats_tables(STATS_MORE, two, 2), 0.5);
	assert_near(stats_tables(STATS_BOTH, two, 2), 1);
	for (size_t i = 0; i < 12; i++)
		many[i] = (struct stats_table){ { { 2, 2 }, { 0, 2 } } };
	assert_near(stats_tables(STATS_MORE, many, 12), 4.4621724539e-9);
	assert_near(stats_tables(STATS_LESS, many, 12), 0.5);
	assert_near(stats_tables(STATS_MORE, many, 0), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_test),
		cmocka_unit_test(several_at_once),
		cmocka_unit_test(ranks),
		cmocka_unit_test(tables_apart),
		cmocka_unit_test(ranks_within_groups),
		cmocka_unit_test(medians),
		cmocka_unit_test(outcomes_in_a_row),
		cmocka_unit_test(a_rhythm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

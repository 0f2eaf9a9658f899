/* Unit tests of store/stats.c: by hand, against a plain reference, and how often a
 * regression is seen where there is one and where there is none. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/outcome.h"
#include "store/stats.h"

static uint64_t	seed;

static uint64_t
random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static double
uniform(void)
{
	return ((double)(random64() >> 11) + 0.5) / 9007199254740992.0;
}

static double
normal(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * 3.14159265358979323846 * uniform());
}

/* ---- by hand ---- */

static void
quantiles_by_hand(void **state)
{
	static const uint64_t	v[] = { 10, 20, 30, 40, 1000 }, big[] = { 0, UINT64_MAX };

	(void)state;
	assert_int_equal(stats_quantile(v, 0, 50), 0);
	assert_int_equal(stats_quantile(v, 1, 99), 10);
	assert_int_equal(stats_quantile(v, 4, 50), 25);
	assert_int_equal(stats_quantile(v, 5, 0), 10);
	assert_int_equal(stats_quantile(v, 5, 50), 30);
	assert_int_equal(stats_quantile(v, 5, 90), 616);	/* 40 + 0.6 * 960 */
	assert_int_equal(stats_quantile(v, 5, 95), 808);
	assert_int_equal(stats_quantile(v, 5, 99), 962);	/* 961.6 */
	assert_int_equal(stats_quantile(v, 5, 100), 1000);
	assert_int_equal(stats_quantile(big, 2, 100), UINT64_MAX);
	assert_in_range(stats_quantile(big, 2, 99), UINT64_MAX / 100 * 98,
	    UINT64_MAX / 100 * 99 + 99);
}

static void
deviations_by_hand(void **state)
{
	static const uint64_t	v[] = { 10, 20, 30, 40, 1000 }, same[] = { 7, 7, 7, 9 };

	(void)state;
	assert_int_equal(stats_mad(v, 0, 0), 0);
	assert_int_equal(stats_mad(v, 1, 10), 0);
	assert_int_equal(stats_mad(v, 5, 30), 10);	/* 0 10 10 20 970 */
	assert_int_equal(stats_mad(v, 4, 25), 10);	/* 5 5 15 15 */
	assert_int_equal(stats_mad(v, 2, 15), 5);
	assert_int_equal(stats_mad(same, 4, 7), 0);
}

static struct recent_row
pass(uint64_t us)
{
	return (struct recent_row){ .start_ms = 1, .duration_us = us, .cpu_us = us / 2,
	    .memory_bytes = us * 3, .output_bytes = us / 10, .outcome = OUTCOME_PASS };
}

static void
one_test_by_hand(void **state)
{
	static const uint64_t	us[] = { 9000, 300, 200, 100, 50, 60, 70, 80, 90 };
	struct recent_row	rows[9];
	uint64_t		s[STAT_COUNT];

	(void)state;
	for (size_t i = 0; i < 9; i++)
		rows[i] = pass(us[i]);
	rows[0].outcome = OUTCOME_SKIP;		/* the last, and no measure */
	stats_of(rows, 9, METRIC_DURATION, s);
	assert_int_equal(s[STAT_LAST], 9000);
	assert_int_equal(s[STAT_MEAN], 119);	/* 950 / 8 = 118.75 */
	assert_int_equal(s[STAT_MIN], 50);
	assert_int_equal(s[STAT_P50], 85);
	assert_int_equal(s[STAT_P90], 230);	/* at 6.3: 200 + 0.3 * 100 */
	assert_int_equal(s[STAT_P95], 265);
	assert_int_equal(s[STAT_P99], 293);
	assert_int_equal(s[STAT_MAX], 300);
	assert_int_equal(s[STAT_NEW], 200);	/* 300 200 100 */
	assert_int_equal(s[STAT_BASE], 70);	/* 50 60 70 80 90 */
	assert_int_equal(s[STAT_MAD], 10);
	stats_of(rows, 8, METRIC_DURATION, s);	/* four before the newest are too few */
	assert_int_equal(s[STAT_NEW], 0);
	assert_int_equal(s[STAT_BASE], 0);
	assert_int_equal(s[STAT_MAD], 0);
	rows[1].outcome = OUTCOME_TIMEOUT;	/* measured, but no base of anything */
	stats_of(rows, 9, METRIC_DURATION, s);
	assert_int_equal(s[STAT_MAX], 300);
	assert_int_equal(s[STAT_BASE], 0);
	stats_of(rows, 1, METRIC_MEMORY, s);
	assert_int_equal(s[STAT_LAST], 27000);
	assert_int_equal(s[STAT_MAX], 0);
	stats_of(rows, 0, METRIC_MEMORY, s);
	assert_int_equal(s[STAT_LAST], 0);
	stats_of(rows + 2, 1, METRIC_CPU, s);
	assert_int_equal(s[STAT_P99], 100);
	stats_of(rows + 2, 1, METRIC_OUTPUT, s);
	assert_int_equal(s[STAT_P99], 20);
}

/* ---- against a plain reference, in floating point ---- */

static int
compare(const void *a, const void *b)
{
	double	x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
plain_quantile(double *v, size_t n, double p)
{
	double	h = (double)(n - 1) * p;
	size_t	lo = (size_t)h;

	qsort(v, n, sizeof *v, compare);
	return lo + 1 < n ? v[lo] + (h - (double)lo) * (v[lo + 1] - v[lo]) : v[lo];
}

static double
plain_mad(const double *v, size_t n, double median)
{
	double	d[METRIC_RECENT];

	for (size_t i = 0; i < n; i++)
		d[i] = fabs(v[i] - median);
	return plain_quantile(d, n, 0.5);
}

/* The rule of stats.h, as it is written there. */
static bool
plain_worse(const double *passes, size_t n, double floor)
{
	double	base[METRIC_RECENT], median, limit, high, margin;
	size_t	m = n - METRIC_NEW;

	if (n < METRIC_NEW + STATS_BASE_MIN)
		return false;
	memcpy(base, passes + METRIC_NEW, m * sizeof *base);
	high = plain_quantile(base, m, 0.9);
	median = plain_quantile(base, m, 0.5);
	margin = 3 * (1 + 3 / (double)m) * 1.4826 * plain_mad(base, m, median);
	margin = fmax(margin, fmax(median / 4, floor));
	limit = fmax(median + margin, high);
	return passes[0] > limit && passes[1] > limit && passes[2] > limit;
}

static void
near(uint64_t got, double want, const char *what, unsigned round)
{
	if (fabs((double)got - want) > 1)
		fail_msg("round %u: %s is %llu, not %g", round, what, (unsigned long long)got,
		    want);
}

/* One random history: its statistics, and whether it became worse. */
static bool
check_round(unsigned round)
{
	struct recent_row	rows[METRIC_RECENT];
	double			all[METRIC_RECENT], passes[METRIC_RECENT], sum = 0;
	uint64_t		s[STAT_COUNT];
	uint32_t		n = (uint32_t)(random64() % METRIC_RECENT) + 1;
	double			size = exp(uniform() * 20), noise = uniform() * 0.6;
	size_t			nall = 0, npasses = 0;
	bool			bad;

	for (uint32_t i = 0; i < n; i++) {
		double	d = size * exp(noise * normal()) * (i < 3 && round % 2 ? 2 : 1);

		rows[i] = pass((uint64_t)d);
		if (random64() % 10 == 0)
			rows[i].outcome = (uint32_t)(random64() % OUTCOME_COUNT);
		d = (double)rows[i].duration_us;
		if (rows[i].outcome == OUTCOME_PASS)
			passes[npasses++] = d;
		if (rows[i].outcome <= OUTCOME_OOM)
			all[nall++] = d;
		sum += rows[i].outcome <= OUTCOME_OOM ? d : 0;
	}
	stats_of(rows, n, METRIC_DURATION, s);
	assert_int_equal(s[STAT_LAST], rows[0].duration_us);
	bad = stats_regressed(rows, n) & 1 << METRIC_DURATION;
	assert_int_equal(bad, plain_worse(passes, npasses, 10000));
	if (nall > 0) {
		near(s[STAT_MEAN], sum / (double)nall, "the mean", round);
		near(s[STAT_MIN], plain_quantile(all, nall, 0), "the least", round);
		near(s[STAT_P50], plain_quantile(all, nall, 0.5), "the median", round);
		near(s[STAT_P90], plain_quantile(all, nall, 0.9), "p90", round);
		near(s[STAT_P95], plain_quantile(all, nall, 0.95), "p95", round);
		near(s[STAT_P99], plain_quantile(all, nall, 0.99), "p99", round);
		near(s[STAT_MAX], plain_quantile(all, nall, 1), "the largest", round);
	}
	if (npasses >= METRIC_NEW + STATS_BASE_MIN) {
		double	*base = passes + METRIC_NEW;
		size_t	 m = npasses - METRIC_NEW;
		double	 median = plain_quantile(base, m, 0.5);

		near(s[STAT_NEW], plain_quantile(passes, METRIC_NEW, 0.5), "the new median", round);
		near(s[STAT_BASE], median, "the base", round);
		near(s[STAT_MAD], plain_mad(base, m, median), "the MAD", round);
	} else {
		assert_int_equal(s[STAT_BASE], 0);
	}
	return bad;
}

static void
against_a_reference(void **state)
{
	unsigned	worse = 0;

	(void)state;
	seed = 88172645463325252;
	for (unsigned round = 0; round < 20000; round++)
		worse += check_round(round);
	assert_in_range(worse, 500, 10000);	/* both answers were tried */
}

static void
mad_against_a_reference(void **state)
{
	uint64_t	v[METRIC_RECENT];
	double		d[METRIC_RECENT];

	(void)state;
	seed = 7;
	for (int round = 0; round < 20000; round++) {
		size_t	n = (size_t)(random64() % METRIC_RECENT) + 1;

		for (size_t i = 0; i < n; i++)
			v[i] = random64() % (round % 2 ? 8 : 1000000);
		stats_sort(v, n);
		for (size_t i = 0; i < n; i++) {
			d[i] = (double)v[i];
			assert_true(i == 0 || v[i - 1] <= v[i]);
		}
		near(stats_mad(v, n, stats_quantile(v, n, 50)),
		    plain_mad(d, n, (double)stats_quantile(v, n, 50)), "the MAD", (unsigned)round);
	}
}

/* ---- regressions ---- */

static uint32_t
regressed(const uint64_t *us, uint32_t n)
{
	struct recent_row	rows[METRIC_RECENT];

	for (uint32_t i = 0; i < n; i++) {
		rows[i] = pass(us[i]);
		rows[i].cpu_us = rows[i].memory_bytes = rows[i].output_bytes = 0;
	}
	return stats_regressed(rows, n);
}

static void
regressions_by_hand(void **state)
{
	struct recent_row	rows[8];
	const uint64_t		MS = 1000;

	(void)state;
#define WORSE(want, ...) do {						\
	const uint64_t	us[] = { __VA_ARGS__ };				\
	assert_int_equal(regressed(us, sizeof us / sizeof us[0]), want);	\
} while (0)
	WORSE(1, 130*MS, 130*MS, 130*MS, 100*MS, 100*MS, 100*MS, 100*MS, 100*MS);
	WORSE(0, 130*MS, 130*MS, 130*MS, 100*MS, 100*MS, 100*MS, 100*MS);	/* too few */
	/* a quarter */
	WORSE(0, 120*MS, 120*MS, 120*MS, 100*MS, 100*MS, 100*MS, 100*MS, 100*MS);
	WORSE(0, 9*MS, 9*MS, 9*MS, 1*MS, 1*MS, 1*MS, 1*MS, 1*MS);		/* the floor */
	WORSE(1, 12*MS, 12*MS, 12*MS, 1*MS, 1*MS, 1*MS, 1*MS, 1*MS);
	/* not all */
	WORSE(0, 130*MS, 130*MS, 101*MS, 100*MS, 100*MS, 100*MS, 100*MS, 100*MS);
	WORSE(0, 50*MS, 50*MS, 50*MS, 100*MS, 100*MS, 100*MS, 100*MS, 100*MS);	/* better */
	/* MAD 10: 3 (1 + 3/5) 1.4826 10 = 71.2 */
	WORSE(0, 170*MS, 170*MS, 170*MS, 80*MS, 90*MS, 100*MS, 110*MS, 120*MS);
	WORSE(1, 173*MS, 172*MS, 172*MS, 80*MS, 90*MS, 100*MS, 110*MS, 120*MS);
	/* two speeds, the slow one three times: 90 % quantile 200 */
	WORSE(0, 200*MS, 200*MS, 200*MS, 100*MS, 100*MS, 100*MS, 200*MS, 200*MS, 100*MS, 100*MS);
#undef WORSE
	for (size_t i = 0; i < 8; i++)
		rows[i] = pass(i < 3 ? 40000000 : 10000000);
	assert_int_equal(stats_regressed(rows, 8), 1 << METRIC_DURATION | 1 << METRIC_CPU |
	    1 << METRIC_MEMORY | 1 << METRIC_OUTPUT);
	rows[1].outcome = OUTCOME_TIMEOUT;	/* slow since it hangs: a failure, no regression */
	assert_int_equal(stats_regressed(rows, 8), 0);
}

enum noise { QUIET, USUAL, OUTLIERS, TWO_SPEEDS };

static uint64_t
sample(enum noise noise)
{
	double	d = 1e6 * exp((noise == USUAL ? 0.1 : 0.05) * normal());

	if (noise == OUTLIERS && uniform() < 0.05)
		d *= 3;
	if (noise == TWO_SPEEDS && uniform() < 0.3)
		d *= 2;
	return (uint64_t)d;
}

/* How many of a million are told, `times` slower or not. */
static uint64_t
told(enum noise noise, uint32_t n, double times, unsigned rounds)
{
	uint64_t	us[METRIC_RECENT];
	unsigned	bad = 0;

	seed = 424242;
	for (unsigned round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < n; i++)
			us[i] = (uint64_t)((double)sample(noise) * (i < METRIC_NEW ? times : 1));
		bad += regressed(us, n) != 0;
	}
	return (uint64_t)bad * 1000000 / rounds;
}

static void
false_alarms_are_rare(void **state)
{
	(void)state;
	assert_in_range(told(QUIET, 8, 1, 50000), 0, 50);
	assert_in_range(told(QUIET, 64, 1, 10000), 0, 0);
	assert_in_range(told(USUAL, 8, 1, 50000), 0, 500);
	assert_in_range(told(USUAL, 23, 1, 20000), 0, 50);
	assert_in_range(told(OUTLIERS, 8, 1, 20000), 0, 500);
	assert_in_range(told(OUTLIERS, 64, 1, 10000), 0, 500);
	assert_in_range(told(TWO_SPEEDS, 8, 1, 20000), 0, 25000);	/* not known yet */
	assert_in_range(told(TWO_SPEEDS, 64, 1, 10000), 0, 5000);
}

static void
regressions_are_found(void **state)
{
	(void)state;
	assert_in_range(told(QUIET, 8, 1.5, 5000), 900000, 1000000);
	assert_in_range(told(QUIET, 23, 1.5, 5000), 990000, 1000000);
	assert_in_range(told(USUAL, 8, 1.5, 5000), 400000, 1000000);
	assert_in_range(told(USUAL, 64, 1.5, 5000), 600000, 1000000);
	assert_in_range(told(USUAL, 8, 2, 5000), 900000, 1000000);
	assert_in_range(told(USUAL, 64, 2, 5000), 990000, 1000000);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(quantiles_by_hand),
		cmocka_unit_test(deviations_by_hand),
		cmocka_unit_test(one_test_by_hand),
		cmocka_unit_test(against_a_reference),
		cmocka_unit_test(mad_against_a_reference),
		cmocka_unit_test(regressions_by_hand),
		cmocka_unit_test(false_alarms_are_rare),
		cmocka_unit_test(regressions_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

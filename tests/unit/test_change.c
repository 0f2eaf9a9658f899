/*
 * Change points: exact values, and the delays, false alarms and errors of place by
 * simulation with fixed seeds.
 *
 * The exact values were computed apart, by the closed form of change.h with lgamma() in
 * Python 3.11, while change.c adds up logarithms one result after the other:
 *
 *	B = lambda k, s: lgamma(.3 + k) + lgamma(.5 + s) - lgamma(.8 + k + s)
 *	f = lambda x, i: (B(sum(x[:i]), i - sum(x[:i]))
 *	    + B(sum(x[i:]), len(x) - i - sum(x[i:])) - B(sum(x), len(x) - sum(x)) - B(0, 0))
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/change.h"

#define MOST	4096
#define PLACES	301

static uint64_t	state;

/* xorshift64*, above 0 and below 1. */
static double
uniform(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return ((double)(state * UINT64_C(2685821657736338717) >> 12) + 0.5) / 4503599627370496.0;
}

static double	work[MOST];

/* "0*200 100": so many passes, then as written. */
static size_t
results(const char *text, uint8_t ret[MOST])
{
	unsigned	many = 0;
	size_t		n = 0;
	int		used = 0;

	if (sscanf(text, "0*%u %n", &many, &used) == 1) {
		memset(ret, 0, many);
		n = many;
		text += used;
	}
	for (; *text != '\0'; text++)
		ret[n++] = *text == '1';
	return n;
}

static void
exact_values(void **unused)
{
	static const struct {
		const char	*results;
		size_t		 at, low, high;
		double		 factor;
	} cases[] = {
		{ "00", 1, 1, 1, -0.287682072452 },
		{ "01", 1, 1, 1, 0.810930216216 },
		{ "00000000001", 10, 1, 10, 2.602689685444 },
		{ "0*20 11111111111111111111", 20, 19, 20, 26.267948004914 },
		{ "0*50 01010011010110", 51, 44, 51, 11.991800307670 },
		{ "0*200 1001000010", 200, 167, 200, 8.512501844523 },
		{ "0*100 100000000000000000000", 100, 3, 118, 0.492509967552 },
		{ "111111111111111111110000000000000000000000000000000000000000", 20, 20, 21,
		    36.646673966357 },
	};
	uint8_t		v[MOST];
	struct change	c;

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t	n = results(cases[i].results, v);

		assert_true(change_best(v, n, work, &c));
		if (fabs(c.factor - cases[i].factor) > 1e-9)
			fail_msg("%s: %.12f", cases[i].results, c.factor);
		assert_int_equal(c.at, cases[i].at);
		assert_int_equal(c.low, cases[i].low);
		assert_int_equal(c.high, cases[i].high);
	}
	assert_false(change_best(v, 0, work, &c));
	assert_false(change_best(v, 1, work, &c));
}

/* One that broke, was mended, and is flaky since. */
static void
each_change_is_found(void **unused)
{
	static const char	text[] = "0*300 111111111111111111110000000000000000000000000000"
				    "0000000000000000000000000000000000000000000000000000000000"
				    "01010011010001001011";
	uint8_t			v[MOST];
	struct change		c[CHANGE_MAX];
	size_t			n = results(text, v);

	(void)unused;
	assert_int_equal(change_find(v, n, work, c), 3);
	assert_int_equal(c[0].at, 300);
	assert_int_equal(c[1].at, 320);
	assert_int_equal(c[2].at, n - 19);
	assert_true(c[2].low <= c[2].at && c[2].at <= c[2].high);
	memset(v, 0, sizeof v);
	assert_int_equal(change_find(v, MOST, work, c), 0);
	assert_int_equal(change_find(v, 0, work, c), 0);
}

/* However many changes there are, no more than fit are told, in order. */
static void
there_may_be_many(void **unused)
{
	uint8_t		v[MOST];
	struct change	c[CHANGE_MAX + 1];

	(void)unused;
	for (size_t i = 0; i < MOST; i++)
		v[i] = i / 50 % 2;
	c[CHANGE_MAX].at = 12345;
	assert_int_equal(change_find(v, MOST, work, c), CHANGE_MAX);
	for (size_t i = 1; i < CHANGE_MAX; i++)
		assert_true(c[i - 1].at < c[i].at);
	assert_int_equal(c[CHANGE_MAX].at, 12345);
}

/* ---- simulation ---- */

/* Results until an alarm, on average. */
static double
delay(double p, double healthy, int times)
{
	double	sum = 0;

	for (int i = 0; i < times; i++) {
		struct change_alarm	c;
		bool			alarm = false;

		change_alarm_init(&c, healthy);
		for (; !alarm; sum++)
			alarm = change_alarm_add(&c, uniform() < p);
	}
	return sum / times;
}

static void
near(const char *what, double got, double want, double off)
{
	if (!(fabs(got - want) <= off))
		fail_msg("%s: %g, not %g", what, got, want);
}

/* The table of the alarm: 5 % are several times the error of so many. */
static void
alarms_come_soon_and_seldom_for_nothing(void **unused)
{
	static const struct { double p, delay; } table[] = {
		{ 0.02, 148 }, { 0.05, 45 }, { 0.1, 20 }, { 0.2, 10 }, { 0.5, 4 },
	};
	struct change_alarm	c;

	(void)unused;
	state = 20240501;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		near("delay", delay(table[i].p, 0, 20000), table[i].delay,
		    0.05 * table[i].delay + 0.5);
	near("between false alarms", delay(0.002, 0, 2000), 8087, 0.08 * 8087);
	/* Who has always failed as often is not told of it. */
	change_alarm_init(&c, 0.3);
	for (int i = 0; i < 10000; i++)
		assert_false(change_alarm_add(&c, uniform() < 0.3));
}

static int
by_number(const void *a, const void *b)
{
	const double	*x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* 200 healthy results that show no change, then of rate p, until the change is told: how
 * many more that takes on average, the median of how far off its place is, and how often
 * the range of 95 % has it. */
static void
place(double p, double factor, double *ret_delay, double *ret_off, double *ret_covered)
{
	static double	offs[PLACES];
	static uint8_t	v[MOST];
	struct change	c;
	double		delay_sum = 0, covered = 0;
	size_t		n;

	for (int i = 0; i < PLACES; i++) {
		do {
			for (n = 0; n < 200; n++)
				v[n] = uniform() < 0.002;
		} while (change_best(v, n, work, &c) && c.factor >= factor);
		do {
			v[n++] = uniform() < p;
			/* Only a failure can tell. */
		} while (n < MOST && (!v[n - 1] || !change_best(v, n, work, &c) ||
		    c.factor < factor));
		delay_sum += (double)n - 200;
		offs[i] = fabs((double)c.at - 200);
		covered += c.low <= 200 && c.high >= 200;
	}
	qsort(offs, PLACES, sizeof offs[0], by_number);
	*ret_delay = delay_sum / PLACES;
	*ret_off = offs[PLACES / 2];
	*ret_covered = covered / PLACES;
}

/* With the factor of 100 that is used, and that of 10,000 of LUCI. */
static void
the_place_is_near(void **unused)
{
	static const struct { double p, delay, off, delay_luci; } table[] = {
		{ 0.05, 78, 18, 0 }, { 0.1, 17, 8, 94 }, { 0.2, 7, 3, 21 }, { 0.5, 2, 1, 6 },
	};
	double	d, off, covered;

	(void)unused;
	state = 20240502;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		place(table[i].p, CHANGE_FACTOR, &d, &off, &covered);
		near("delay", d, table[i].delay, 0.2 * table[i].delay + 1);
		near("error of place", off, table[i].off, 0.2 * table[i].off + 1);
		assert_true(covered >= 0.95);
		if (table[i].delay_luci == 0)
			continue;
		place(table[i].p, 9.210340371976182, &d, &off, &covered);
		near("delay for 10,000", d, table[i].delay_luci, 0.2 * table[i].delay_luci + 1);
	}
}

/* Of tests that fail 0.002 and did not change, with 400 results. */
static void
hardly_any_is_false(void **unused)
{
	static uint8_t	v[400];
	struct change	c;
	int		worse = 0;

	(void)unused;
	state = 20240503;
	for (int i = 0; i < 20000; i++) {
		size_t	all = 0, behind = 0;

		for (size_t n = 0; n < 400; n++)
			all += v[n] = uniform() < 0.002;
		if (!change_best(v, 400, work, &c) || c.factor < CHANGE_FACTOR)
			continue;
		for (size_t n = c.at; n < 400; n++)
			behind += v[n];
		worse += behind * 400 > all * (400 - c.at);
	}
	near("false ones in 20,000", worse, 60, 25);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_values),
		cmocka_unit_test(each_change_is_found),
		cmocka_unit_test(there_may_be_many),
		cmocka_unit_test(alarms_come_soon_and_seldom_for_nothing),
		cmocka_unit_test(the_place_is_near),
		cmocka_unit_test(hardly_any_is_false),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

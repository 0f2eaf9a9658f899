/* The score of flakiness: what its constants promise, by simulation with fixed seeds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>

#include "store/flakiness.h"

#define RESULTS	10000

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

/* What a test of one failure rate came to. */
struct life {
	int	known_at;	/* results until it was called flaky; 0: never */
	int	let_off;	/* how often */
};

/* A failure is evidence when the next pass shows it: a retry heals it. */
static struct life
live(double p, int results, struct flakiness *f)
{
	struct life	l = { 0, 0 };
	bool		failed = false;

	*f = (struct flakiness){ .score = 0 };
	for (int i = 1; i <= results; i++) {
		enum flaky_state	before = f->state;
		bool			fails = uniform() < p;

		flakiness_add(f, failed && !fails ? FLAKINESS_SURE : 0);
		failed = fails;
		if (f->state == FLAKY_STATE_IS && l.known_at == 0)
			l.known_at = i;
		l.let_off += before == FLAKY_STATE_IS && f->state == FLAKY_STATE_WAS;
	}
	return l;
}

static void
it_fades_by_half(void **unused)
{
	struct flakiness	f = { .score = 0 };

	(void)unused;
	flakiness_add(&f, 2);
	for (int i = 0; i < (int)FLAKINESS_HALF; i++)
		flakiness_add(&f, 0);
	assert_true(fabs(f.score - 1) < 1e-9);
	assert_int_equal(f.state, FLAKY_STATE_NOT);
}

/* One or two failures are not enough, three close together are. */
static void
three_are_needed(void **unused)
{
	struct flakiness	f = { .score = 0 };

	(void)unused;
	flakiness_add(&f, FLAKINESS_SURE);
	flakiness_add(&f, FLAKINESS_SURE);
	assert_int_equal(f.state, FLAKY_STATE_NOT);
	flakiness_add(&f, FLAKINESS_SURE);
	assert_int_equal(f.state, FLAKY_STATE_IS);
	/* Vague ones are worth a quarter. */
	f = (struct flakiness){ .score = 0 };
	for (int i = 0; i < 10; i++) {
		flakiness_add(&f, FLAKINESS_VAGUE);
		assert_int_equal(f.state, FLAKY_STATE_NOT);
	}
	flakiness_add(&f, FLAKINESS_VAGUE);
	assert_int_equal(f.state, FLAKY_STATE_IS);
}

/* From the threshold in 140 clean results, from the top in 200. */
static void
a_mended_one_is_let_off(void **unused)
{
	static const struct { double score; int clean; } cases[] = {
		{ FLAKINESS_ON, 140 }, { FLAKINESS_TOP, FLAKINESS_CLEAN_MAX },
	};

	(void)unused;
	for (int i = 0; i < 2; i++) {
		struct flakiness	f = { .score = 0 };
		int			n = 0;

		flakiness_add(&f, cases[i].score);
		assert_int_equal(f.state, FLAKY_STATE_IS);
		for (; f.state == FLAKY_STATE_IS; n++)
			flakiness_add(&f, 0);
		assert_int_equal(n, cases[i].clean);
		assert_int_equal(f.state, FLAKY_STATE_WAS);
	}
	/* However bad it was. */
	state = 7;
	for (int i = 0; i < 200; i++) {
		struct flakiness	f;
		int			n = 0;

		(void)live(0.5, 500, &f);
		assert_int_equal(f.state, FLAKY_STATE_IS);
		for (; f.state == FLAKY_STATE_IS; n++)
			flakiness_add(&f, 0);
		assert_true(n <= FLAKINESS_CLEAN_MAX);
	}
}

/* And it is one again when it fails again. */
static void
it_may_come_back(void **unused)
{
	struct flakiness	f = { .score = 0, .state = FLAKY_STATE_WAS };

	(void)unused;
	for (int i = 0; i < 3; i++)
		flakiness_add(&f, FLAKINESS_SURE);
	assert_int_equal(f.state, FLAKY_STATE_IS);
}

/* Noise of one in a thousand: fewer than 1.5 % of such tests are ever called flaky in
 * 10,000 results, and none in its first 300 or so. */
static void
noise_is_no_flakiness(void **unused)
{
	struct flakiness	f;
	int			ever = 0, soon = 0;

	(void)unused;
	state = 20240601;
	for (int i = 0; i < 4000; i++) {
		struct life	l = live(0.001, RESULTS, &f);

		ever += l.known_at > 0;
		soon += l.known_at > 0 && l.known_at <= 300;
	}
	assert_true(ever < 60);
	assert_true(soon <= 2);
}

/* Of tests that fail 5 %: three quarters are known after 100 results, all after 500, and
 * over 10,000 results fewer than one in ten is ever let off. */
static void
a_flaky_one_does_not_flap(void **unused)
{
	struct flakiness	f;
	int			by100 = 0, by500 = 0, let_off = 0;

	(void)unused;
	state = 20240602;
	for (int i = 0; i < 2000; i++) {
		struct life	l = live(0.05, RESULTS, &f);

		by100 += l.known_at > 0 && l.known_at <= 100;
		by500 += l.known_at > 0 && l.known_at <= 500;
		let_off += l.let_off;
	}
	assert_true(by100 >= 1400 && by100 <= 1600);
	assert_true(by500 >= 1998);
	assert_true(let_off < 200);
	/* One that fails 20 % is known after 30 in nine of ten cases, and never let off. */
	for (int i = by100 = let_off = 0; i < 1000; i++) {
		struct life	l = live(0.2, RESULTS, &f);

		by100 += l.known_at > 0 && l.known_at <= 30;
		let_off += l.let_off;
	}
	assert_true(by100 >= 890);
	assert_int_equal(let_off, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_fades_by_half),
		cmocka_unit_test(three_are_needed),
		cmocka_unit_test(a_mended_one_is_let_off),
		cmocka_unit_test(it_may_come_back),
		cmocka_unit_test(noise_is_no_flakiness),
		cmocka_unit_test(a_flaky_one_does_not_flap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Do the stated errors of flake detection hold?  Tests whose failure rate is known are
 * run as flake.c says, 10,000 of each rate, and the verdicts are counted.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "supervisor/policy/flake.h"
#include "supervisor/policy/order.h"

#define TESTS	10000

struct tally {
	uint32_t verdicts[FLAKE_VERDICT_COUNT];
	uint32_t covered;	/* the interval holds the true rate */
	double runs;		/* on average */
};

static struct flake_policy
defaults(void)
{
	struct flake_policy p = { .on = true };

	return flake_defaults(&p);
}

static bool
fails(uint64_t *state, double rate)
{
	return (double)(order_random(state) >> 11) * 0x1p-53 < rate;
}

static enum flake_verdict
judge(const struct flake_policy *p, uint64_t *state, double rate, uint32_t *f, uint32_t *s)
{
	enum flake_verdict v;

	*f = *s = 0;
	do {
		if (fails(state, rate))
			++*f;
		else
			++*s;
		v = flake_decide(p, *f, *s, 0);
	} while (v == FLAKE_OPEN);
	return v;
}

static struct tally
judge_all(double rate, uint64_t seed)
{
	struct flake_policy p = defaults();
	struct tally r = { .runs = 0 };
	uint32_t i, f, s;
	double low, high;

	for (i = 0; i < TESTS; i++) {
		r.verdicts[judge(&p, &seed, rate, &f, &s)]++;
		r.runs += (double)(f + s) / TESTS;
		flake_interval(&p, f, s, &low, &high);
		r.covered += low <= rate && rate <= high;
	}
	print_message("rate %g: flaky %u, stable %u, broken %u, suspect %u; %.1f runs, interval "
	    "right for %u\n", rate, r.verdicts[FLAKE_FLAKY], r.verdicts[FLAKE_STABLE],
	    r.verdicts[FLAKE_BROKEN], r.verdicts[FLAKE_SUSPECT], r.runs, r.covered);
	return r;
}

/* One outcome alone takes 60 runs, exactly. */
static void
stable_and_broken(void **state)
{
	struct tally sound = judge_all(0, 1), broken = judge_all(1, 2);

	(void)state;
	assert_int_equal(sound.verdicts[FLAKE_STABLE], TESTS);
	assert_true(sound.runs > 59.99 && sound.runs < 60.01);
	assert_int_equal(broken.verdicts[FLAKE_BROKEN], TESTS);
	assert_true(broken.runs > 59.99 && broken.runs < 60.01);
}

/* alpha is 0.01 for whatever fails no more often than the noise; the goal is half of it. */
static void
noise_is_not_flaky(void **state)
{
	struct tally r = judge_all(0.001, 3);

	(void)state;
	assert_true(r.verdicts[FLAKE_FLAKY] <= TESTS / 200);
	assert_true(judge_all(0.999, 4).verdicts[FLAKE_FLAKY] <= TESTS / 200);
}

static void
flaky_ones_are_found(void **state)
{
	static const double rates[] = { 0.1, 0.3, 0.5 };
	struct tally r = judge_all(0.05, 6);
	size_t i;

	(void)state;
	/* 95 of 100, less three deviations of what 10,000 draws give. */
	assert_true(r.verdicts[FLAKE_FLAKY] >= TESTS * 943 / 1000);
	assert_true(r.runs <= 45);
	for (i = 0; i < 3; i++) {
		r = judge_all(rates[i], 7 + i);
		assert_true(r.verdicts[FLAKE_FLAKY] >= TESTS * 99 / 100);
		assert_true(r.runs <= 25);
	}
}

/* Whenever the runs were ended. */
static void
intervals_hold(void **state)
{
	static const double rates[] = { 0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 0.9 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		assert_true(judge_all(rates[i], 20 + i).covered >= TESTS * 99 / 100);
}

static int
falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* 300 suites of 100 tests, five of which are flaky: the share of false ones among those
 * that are confirmed, on average. */
static void
false_discoveries(void **state)
{
	static const double flaky[] = { 0.05, 0.1, 0.2, 0.3, 0.5 };
	enum { SUITES = 300, N = 100 };
	struct flake_policy p = defaults();
	uint64_t seed = 77;
	double share = 0, found = 0;
	double all[N], sound[N];
	uint32_t f, s, i, k, r, wrong;

	(void)state;
	for (k = 0; k < SUITES; k++) {
		for (i = 0; i < N; i++) {
			(void)judge(&p, &seed, i < 5 ? flaky[i] : 0.001, &f, &s);
			all[i] = sound[i] = flake_evidence(&p, f, s);
		}
		qsort(all, N, sizeof(all[0]), falling);
		r = flake_confirm(all, N, p.fdr);
		for (wrong = 0, i = 5; i < N && r > 0; i++)
			wrong += sound[i] >= all[r - 1];
		share += r > 0 ? (double)wrong / r : 0;
		found += r - wrong;
	}
	print_message("e-BH: %.4f false, %.2f of 5 found\n", share / SUITES, found / SUITES);
	assert_true(share / SUITES <= p.fdr);
	assert_true(found / SUITES >= 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stable_and_broken),
		cmocka_unit_test(noise_is_not_flaky),
		cmocka_unit_test(flaky_ones_are_found),
		cmocka_unit_test(intervals_hold),
		cmocka_unit_test(false_discoveries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * How often a command is run at each commit of a bisect, what is said of a commit, and
 * by simulation that the answer is right as often as is stated.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "ctl/bisect.h"
#include "supervisor/policy/order.h"

static void
steps(void **state)
{
	(void)state;
	assert_int_equal(bisect_steps(1), 1);	/* only the good revision */
	assert_int_equal(bisect_steps(2), 2);
	assert_int_equal(bisect_steps(3), 3);
	assert_int_equal(bisect_steps(64), 7);
	assert_int_equal(bisect_steps(65), 8);
}

static void
repeats(void **state)
{
	struct bisect_plan	p = bisect_plan(0.1, 0.05, 64);
	struct bisect_runs	ten = { .fails = 10, .passes = 90 }, all = { .fails = 10 };

	(void)state;
	/* ln(0.05 / 7) / ln(0.9) = 46.9 */
	assert_int_equal(p.steps, 7);
	assert_int_equal(p.repeats, 47);
	/* As many as there can be are within the error. */
	for (uint64_t i = 0; i < p.steps; i++)
		bisect_called_good(&p, p.repeats);
	assert_true(p.wrong <= 0.05 && p.wrong > 0.045);
	/* B(10.5, 90.5 + m) / B(10.5, 90.5) is 0.00724 for m = 57 and 0.00676 for 58, by
	 * Python's lgamma(); 0.05 / 7 is 0.00714. */
	p = bisect_plan_by(&ten, 0.05, 64);
	assert_int_equal(p.repeats, 58);
	assert_true(p.rate < 0.1 && p.rate > 0.05);
	/* Always is nearly always. */
	p = bisect_plan_by(&all, 0.05, 64);
	assert_in_range(p.repeats, 1, 3);
}

static void
what_is_said_of_a_commit(void **state)
{
	const struct bisect_plan	p = { .repeats = 20 };
	static const struct { struct bisect_runs runs; enum bisect_verdict want; } v[] = {
		{ { .passes = 20 }, BISECT_GOOD }, { { .passes = 19 }, BISECT_OPEN },
		{ { .passes = 3, .fails = 1 }, BISECT_BAD },
		{ { .passes = 3, .untestable = 1 }, BISECT_SKIP },
		{ { .passes = 20, .untestable = 1 }, BISECT_SKIP },
		/* It has failed, whatever else it did. */
		{ { .fails = 1, .untestable = 1 }, BISECT_BAD }, { { 0 }, BISECT_OPEN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_int_equal(bisect_decide(&p, &v[i].runs), v[i].want);
}

/* ---- simulation ---- */

#define COMMITS	64
#define TRIALS	5000

struct world {
	uint64_t	state;		/* of the random numbers */
	double		rate;		/* at which bad commits fail */
	uint64_t	first_bad;	/* 1..COMMITS */
	uint64_t	runs;
};

/* Runs at a commit until one fails, at most `most`. */
static struct bisect_runs
until_failure(struct world *w, uint64_t commit, uint64_t most)
{
	struct bisect_runs	r = { 0 };

	while (r.fails == 0 && r.passes < most) {
		bool	fails = commit >= w->first_bad &&
		    order_below(&w->state, 1000000) < w->rate * 1e6;

		r.fails += fails;
		r.passes += !fails;
	}
	w->runs += r.fails + r.passes;
	return r;
}

static struct bisect_runs
measure(struct world *w)
{
	struct bisect_runs	all = { 0 }, r;

	while (all.fails < BISECT_FAILURES && all.fails + all.passes < BISECT_MEASURE) {
		r = until_failure(w, COMMITS, BISECT_MEASURE - all.fails - all.passes);
		all.fails += r.fails;
		all.passes += r.passes;
	}
	return all;
}

/* One bisect as git does it on a straight history; was the right commit found? */
static bool
bisect(struct world *w, bool measured, double *stated)
{
	struct bisect_plan	p = bisect_plan(w->rate, BISECT_ERROR, COMMITS);
	uint64_t		good = 0, bad = COMMITS, at;
	struct bisect_runs	r;

	if (measured) {
		r = measure(w);
		p = bisect_plan_by(&r, BISECT_ERROR, COMMITS);
	}
	r = until_failure(w, good, p.repeats);
	assert_int_equal(bisect_decide(&p, &r), BISECT_GOOD);
	bisect_called_good(&p, r.passes);
	while (bad - good > 1) {
		at = (good + bad) / 2;
		r = until_failure(w, at, p.repeats);
		if (bisect_decide(&p, &r) == BISECT_BAD) {
			bad = at;
		} else {
			bisect_called_good(&p, r.passes);
			good = at;
		}
	}
	assert_true(p.wrong <= BISECT_ERROR);
	*stated += 1 - p.wrong;
	return bad == w->first_bad;
}

static void
right_as_often_as_stated(void **state)
{
	static const double	rates[] = { 0.05, 0.1, 0.2, 0.5 };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rates) / sizeof(rates[0]); i++) {
		struct world	w = { .state = 20 + i, .rate = rates[i / 2] };
		double		stated = 0;
		int		right = 0;

		for (int k = 0; k < TRIALS; k++) {
			w.first_bad = 1 + order_below(&w.state, COMMITS);
			right += bisect(&w, i % 2 == 1, &stated);
		}
		print_message("rate %.2f, %s: right %.1f%%, stated %.1f%%, %.0f runs\n", w.rate,
		    i % 2 == 1 ? "measured" : "given", 100.0 * right / TRIALS,
		    100 * stated / TRIALS, (double)w.runs / TRIALS);
		assert_true(right >= stated);
		assert_true(stated >= (1 - BISECT_ERROR) * TRIALS);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps),
		cmocka_unit_test(repeats),
		cmocka_unit_test(what_is_said_of_a_commit),
		cmocka_unit_test(right_as_often_as_stated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

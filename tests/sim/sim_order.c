/*
 * What the order by history is good for: plans of tests whose durations are drawn
 * from a lognormal distribution and predicted badly, run by the scheduler in virtual
 * time.  How long they take against the least possible, and when the first failure is
 * known, in the order of the plan and in that of the history.
 *
 * SIM_SEEDS: how many plans of each kind, 100 else.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/heap.h"
#include "supervisor/policy/order.h"
#include "supervisor/policy/sched.h"

#define NTESTS	800
#define ERROR	1.35	/* a prediction is wrong by this factor, one sigma */

struct world {
	struct sched_test tests[NTESTS];
	uint64_t	ms[NTESTS];	/* what each takes */
	uint32_t	failing;	/* the only test that fails */
	struct sched_plan plan;
	uint64_t	bound_ms;
};

struct result {
	double	makespan;	/* over the bound */
	double	first_failure;	/* share of the run */
};

/* Box and Muller, Annals of Mathematical Statistics 29 (1958). */
static double
draw_normal(uint64_t *rng)
{
	double a = ((double)order_below(rng, 1u << 30) + 1) / (1u << 30);
	double b = (double)order_below(rng, 1u << 30) / (1u << 30);

	return sqrt(-2 * log(a)) * cos(2 * M_PI * b);
}

/* One test in ten is known to fail at times, and one of all does now. */
static void
make_world(struct world *w, uint64_t seed, uint32_t jobs, double sigma)
{
	uint64_t rng = seed, sum = 0, longest = 0;
	uint32_t i;

	memset(w, 0, sizeof(*w));
	for (i = 0; i < NTESTS; i++) {
		w->ms[i] = 1 + (uint64_t)(2000 * exp(sigma * draw_normal(&rng)));
		w->tests[i].expected_us = 1 + (uint64_t)(1000 * (double)w->ms[i] *
		    exp(log(ERROR) * draw_normal(&rng)));
		w->tests[i].fail_ppm = order_below(&rng, 10) > 0 ? 1000 :
		    1000 + order_below(&rng, 100000);
		sum += w->ms[i];
		longest = w->ms[i] > longest ? w->ms[i] : longest;
	}
	w->failing = order_below(&rng, NTESTS);
	w->tests[w->failing].fail_ppm = 300000 + order_below(&rng, 600000);
	w->plan = (struct sched_plan){ .tests = w->tests, .ntests = NTESTS, .jobs = jobs };
	w->bound_ms = (sum + jobs - 1) / jobs;
	if (w->bound_ms < longest)
		w->bound_ms = longest;
}

static struct result
run(struct world *w, bool by_history)
{
	static struct heap_node ends[NTESTS];
	uint32_t running = HEAP_NONE, i, t;
	uint64_t now = 0, first_failure = 0;
	struct sched_in in = { .type = SCHED_IN_TICK };
	struct sched_out out;
	struct sched *s;

	w->plan.by_history = by_history;
	s = sched_new(&w->plan, 0);
	assert_non_null(s);
	for (;;) {
		sched_step(s, now, w->plan.jobs, &in, &out);
		for (i = 0; i < out.n; i++) {
			if (out.v[i].type != SCHED_ACT_START)
				continue;
			t = out.v[i].test;
			ends[t].due = now + w->ms[t];
			ends[t].rank = t;
			running = heap_push(ends, running, t);
		}
		if (running == HEAP_NONE)
			break;
		now = ends[running].due;
		in = (struct sched_in){ .type = SCHED_IN_DONE, .test = running, .attempt = 1,
		    .outcome = running == w->failing ? OUTCOME_FAIL : OUTCOME_PASS };
		if (running == w->failing)
			first_failure = now;
		running = heap_pop(ends, running);
	}
	assert_int_equal(out.v[out.n - 1].type, SCHED_ACT_RUN_DONE);
	sched_free(s);
	assert_true(now >= w->bound_ms);
	return (struct result){ (double)now / (double)w->bound_ms,
	    (double)first_failure / (double)now };
}

static uint32_t
seeds(void)
{
	const char *text = getenv("SIM_SEEDS"), *error = NULL;
	uint32_t n = 100;

	if (text != NULL) {
		n = (uint32_t)strtonum(text, 20, 100000, &error);
		assert_null(error);
	}
	return n;
}

/* Adds the means over all plans of one kind to *sum. */
static void
add_mean(uint32_t jobs, double sigma, bool by_history, struct result *sum)
{
	static struct world w;
	uint32_t seed, n = seeds();
	struct result r, mean = { 0, 0 };

	for (seed = 1; seed <= n; seed++) {
		make_world(&w, seed, jobs, sigma);
		r = run(&w, by_history);
		mean.makespan += r.makespan / n;
		mean.first_failure += r.first_failure / n;
	}
	print_message("%2u slots, sigma %.1f, %s: %.3f of the bound, first failure at %4.1f %%\n",
	    jobs, sigma, by_history ? "by history" : "as planned", mean.makespan,
	    100 * mean.first_failure);
	sum->makespan += mean.makespan;
	sum->first_failure += mean.first_failure;
}

/* The hardest for the order by history are many slots and durations that differ
 * little: then each slot runs few tests, and none is long enough to set the bound. */
static void
history_is_worth_it(void **state)
{
	static const uint32_t jobs[] = { 8, 32 };
	static const double sigmas[] = { 1.0, 1.5, 2.0 };
	const size_t n = sizeof(sigmas) / sizeof(sigmas[0]);
	struct result planned, by_history;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		planned = by_history = (struct result){ 0, 0 };
		for (k = 0; k < n; k++) {
			add_mean(jobs[i], sigmas[k], false, &planned);
			add_mean(jobs[i], sigmas[k], true, &by_history);
		}
		assert_true(by_history.makespan / n <= 1.06);
		assert_true(by_history.first_failure / n <= 0.05);
		assert_true(planned.makespan / n >= 1.1);
		assert_true(planned.first_failure / n >= 0.2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(history_is_worth_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

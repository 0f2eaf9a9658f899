/*
 * What does a budget find?  Suites of 2,000 tests that fail as often as real ones are
 * played through the scheduler, and what it confirms is held against what the same number
 * of attempts finds by the plain rule: ten runs of each test, flaky when the rarer outcome
 * has more than a tenth.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/policy/order.h"
#include "tests/sim/population.h"

#define TESTS	2000
#define SUITES	240
#define SLOTS	4

/* ---- policies ---- */

struct found {
	double		right, wrong, runs;
	uint32_t	most;		/* of one test */
};

/* The chance that of ten runs at least two fail, and at least two pass. */
static double
is_flagged(double rate)
{
	double	odd = 0, one = 1;

	/* None, one, nine, ten failures: C(10, k) rate^k (1 - rate)^(10 - k). */
	for (int k = 0; k <= 10; k++) {
		if (k < 2 || k > 8)
			odd += one * pow(rate, k) * pow(1 - rate, 10 - k);
		one = one * (10 - k) / (k + 1);
	}
	return 1 - odd;
}

/* What it finds in the mean: exactly, as many of the tests as it gets to, in no order. */
static struct found
plain_rule(const struct population *p, uint32_t budget)
{
	struct found	r = { .runs = budget };
	double		share = fmin(1, budget / 10 / (double)p->n), flagged;

	for (uint32_t t = 0; t < p->n; t++) {
		flagged = share * is_flagged(population_rate(p, t));
		if (p->rate[t] > 0 && p->rate[t] < 1)
			r.right += flagged;
		else
			r.wrong += flagged;
	}
	return r;
}

static int
read_table(void **state)
{
	(void)state;
	return population_read("tests/data/failure-rates.txt");
}

static int
falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* What e-BH confirms of the counts, and how much of that is wrong. */
static void
confirm(const struct population *p, const struct flake_policy *f, const uint32_t *fails,
    const uint32_t *passes, struct found *r)
{
	double		*all = calloc(p->n, sizeof *all), *one = calloc(p->n, sizeof *one);
	uint32_t	 t, n;

	for (t = 0; t < p->n; t++)
		all[t] = one[t] = flake_evidence(f, fails[t], passes[t]);
	qsort(all, p->n, sizeof *all, falling);
	n = flake_confirm(all, p->n, f->fdr);
	for (t = 0; t < p->n && n > 0; t++) {
		if (one[t] < all[n - 1])
			continue;
		if (p->rate[t] > 0 && p->rate[t] < 1)
			r->right++;
		else
			r->wrong++;
	}
	free(all);
	free(one);
}

/* The scheduler with a budget, in SLOTS slots. */
static struct found
scheduler(const struct population *p, uint32_t budget, uint64_t seed)
{
	struct flake_policy	 f = { .on = true, .budget = budget };
	struct sched_plan	 plan = { .tests = p->tests, .ntests = p->n, .jobs = SLOTS,
	    .seed = seed, .records = p->records };
	uint32_t		*fails = calloc(p->n, sizeof *fails);
	uint32_t		*passes = calloc(p->n, sizeof *passes);
	struct sched_in		 in = { .type = SCHED_IN_TICK }, running[SLOTS + 1];
	struct found		 r = { .right = 0 };
	struct sched_out	 out;
	struct sched		*s;
	uint32_t		 n = 0, i;
	bool			 over = false;

	plan.flake = flake_defaults(&f);
	s = sched_new(&plan, 0);
	assert_non_null(s);
	while (!over) {
		sched_step(s, 1, UINT32_MAX, &in, &out);
		for (i = 0; i < out.n; i++) {
			if (out.v[i].type == SCHED_ACT_START) {
				r.runs++;
				running[n++] = (struct sched_in){ .type = SCHED_IN_DONE,
				    .test = out.v[i].test, .attempt = out.v[i].attempt,
				    .outcome = population_fails(p, out.v[i].test, &seed) ?
				    OUTCOME_FAIL : OUTCOME_PASS };
			} else if (out.v[i].type == SCHED_ACT_VERDICT) {
				fails[out.v[i].test] = out.v[i].fails;
				passes[out.v[i].test] = out.v[i].passes;
				if (out.v[i].fails + out.v[i].passes > r.most)
					r.most = out.v[i].fails + out.v[i].passes;
			}
			over = over || out.v[i].type == SCHED_ACT_RUN_DONE;
		}
		in = (struct sched_in){ .type = SCHED_IN_TICK };
		if (n > 0 && out.next != 1)
			in = running[--n];
	}
	sched_free(s);
	confirm(p, &plan.flake, fails, passes, &r);
	free(fails);
	free(passes);
	return r;
}

static void
add(struct found *sum, struct found r)
{
	sum->right += r.right / SUITES;
	sum->wrong += r.wrong / SUITES;
	sum->runs += r.runs / SUITES;
}

/* ---- tests ---- */

static struct found
compare(uint32_t budget, uint32_t earlier, double *ret_ratio)
{
	struct found		plain = { .right = 0 }, ours = { .right = 0 };
	struct population	p;
	double			flaky = 0;

	for (uint64_t seed = 0; seed < SUITES; seed++) {
		population_draw(&p, TESTS, seed * 1000003);
		population_record(&p, earlier, seed * 104729);
		flaky += p.flaky / (double)SUITES;
		add(&plain, plain_rule(&p, budget));
		add(&ours, scheduler(&p, budget, seed * 7919 + 2));
		population_free(&p);
	}
	*ret_ratio = ours.right / plain.right;
	print_message("%u attempts, %u on record: %.1f confirmed (%.2f wrong) of %.1f; plain rule "
	    "%.1f (%.2f wrong): x%.1f\n", budget, earlier, ours.right, ours.wrong, flaky,
	    plain.right, plain.wrong, *ret_ratio);
	assert_true(ours.wrong <= 0.05 * (ours.right + ours.wrong));
	assert_true(ours.runs <= budget);
	return ours;
}

/* With 20,000 attempts the plain rule has had ten runs of each test, and flags 22 % of the
 * flaky ones; 45 % of them fail more often than once in a hundred runs, and no rule finds many
 * of the others with so few.  So there is not much more to be found than half as many again. */
static void
a_budget_finds_more(void **state)
{
	double	ratio;

	(void)state;
	(void)compare(1000, 0, &ratio);
	assert_true(ratio >= 10);
	(void)compare(5000, 0, &ratio);
	assert_true(ratio >= 4);
	(void)compare(20000, 0, &ratio);
	assert_true(ratio >= 1.5);
}

/* What failed at times in ordinary runs is looked at first. */
static void
a_record_tells_where(void **state)
{
	double	ratio;

	(void)state;
	assert_true(compare(1000, 30, &ratio).right >= 1.5 * compare(1000, 0, &ratio).right);
}

/* A suite without flaky tests: the attempts are spread over all, short tests too. */
static void
nothing_is_run_without_end(void **state)
{
	struct population	p;
	struct found		r;

	(void)state;
	population_draw(&p, TESTS, 5);
	for (uint32_t t = 0; t < p.n; t++) {
		p.rate[t] = 0;
		p.tests[t].expected_us = t == 0 ? 1000 : 60000000;
	}
	r = scheduler(&p, 3 * TESTS, 3);
	assert_true(r.most <= 1000);
	assert_true(r.right + r.wrong < 1);
	population_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_budget_finds_more),
		cmocka_unit_test(a_record_tells_where),
		cmocka_unit_test(nothing_is_run_without_end),
	};

	return cmocka_run_group_tests(tests, read_table, NULL);
}

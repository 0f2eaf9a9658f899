/* The index of the next attempt; see allot.h. */
#include <math.h>
#include <stdlib.h>

#include "supervisor/policy/allot.h"
#include "supervisor/policy/order.h"

#define FLAKY_TESTS	0.04	/* share of all tests, before anything is known */
#define STRENGTH	2.0	/* tests that this weighs as much as */
#define LEAST		0.002	/* chances that a group can give */
#define MOST		0.97
#define SURE_RUNS	40.0	/* passes after which a test says much about its group */
#define GROUP_LEAST	3	/* tests; a smaller group says nothing */
#define BROKEN		0.007	/* of the tests that are not flaky: fail each time */
#define BROKEN_RUNS	5	/* failures without a pass after which it looks so */
#define FIXED_S		0.02	/* what any attempt costs */
#define FADE		0.3	/* weight of the record: of code that has changed since */
#define NEWS		0.1	/* flaky tests more in a group, in sum */

struct group {
	double		weight, flaky;	/* of its members, added */
	double		told;		/* `flaky` when they were placed */
	uint32_t	first, n;	/* in `members` */
};

struct allot {
	const struct sched_test *tests;		/* borrowed, both */
	const struct flake_record *records;	/* NULL: none */
	uint32_t	n;
	uint64_t	seed;
	double		log_sound, log_noise;	/* of 1 - noise, of noise */
	double		log_rate[FLAKE_REAL], log_pass[FLAKE_REAL], log_share[FLAKE_REAL];
	int		nrates;
	double		*weight, *flaky;	/* of each test, in its group's sums */
	struct group	*groups;
	uint32_t	ngroups;
	uint32_t	*members;
};

/* What is 3 times the noise or less is not told from it: attempts spent on such rates
 * would go to short stable tests without end. */
static void
choose_rates(struct allot *a, double noise)
{
	double sum = 0;
	int i;

	for (i = 0; i < FLAKE_REAL; i++)
		if (flake_real[i].rate >= 3 * noise || i == FLAKE_REAL - 1)
			sum += flake_real[i].share;
	for (i = 0; i < FLAKE_REAL; i++) {
		if (flake_real[i].rate < 3 * noise && i < FLAKE_REAL - 1)
			continue;
		a->log_rate[a->nrates] = log(flake_real[i].rate);
		a->log_pass[a->nrates] = log1p(-flake_real[i].rate);
		a->log_share[a->nrates++] = log(flake_real[i].share / sum);
	}
	a->log_noise = log(noise);
	a->log_sound = log1p(-noise);
}

static uint32_t
group_of(const struct allot *a, uint32_t t)
{
	return a->records != NULL ? a->records[t].group : 0;
}

/* The members of each group, by counting. */
static bool
make_groups(struct allot *a)
{
	uint32_t t, g, at = 0;

	for (t = 0; t < a->n; t++)
		if (group_of(a, t) >= a->ngroups)
			a->ngroups = group_of(a, t) + 1;
	a->groups = calloc((size_t)a->ngroups + 1, sizeof(*a->groups));
	a->members = calloc((size_t)a->n + 1, sizeof(*a->members));
	if (a->groups == NULL || a->members == NULL)
		return false;
	for (t = 0; t < a->n; t++)
		a->groups[group_of(a, t)].n++;
	for (g = 0; g < a->ngroups; g++) {
		a->groups[g].first = at;
		at += a->groups[g].n;
		a->groups[g].n = 0;
	}
	for (t = 0; t < a->n; t++) {
		g = group_of(a, t);
		a->members[a->groups[g].first + a->groups[g].n++] = t;
	}
	return true;
}

struct allot *
allot_new(const struct sched_plan *plan)
{
	struct allot *a = calloc(1, sizeof(*a));
	uint32_t t;

	if (a == NULL)
		return NULL;
	a->tests = plan->tests;
	a->records = plan->records;
	a->n = plan->ntests;
	a->seed = plan->seed;
	choose_rates(a, plan->flake.noise);
	a->weight = calloc((size_t)a->n + 1, sizeof(*a->weight));
	a->flaky = calloc((size_t)a->n + 1, sizeof(*a->flaky));
	if (a->weight == NULL || a->flaky == NULL || !make_groups(a)) {
		allot_free(a);
		return NULL;
	}
	for (t = 0; t < a->n; t++)
		if (a->records != NULL)
			(void)allot_saw(a, t, 0, 0);
	for (t = 0; t < a->ngroups; t++)
		a->groups[t].told = a->groups[t].flaky;
	return a;
}

void
allot_free(struct allot *a)
{
	if (a == NULL)
		return;
	free(a->weight);
	free(a->flaky);
	free(a->groups);
	free(a->members);
	free(a);
}

/* ---- chances ---- */

/* Failures and passes with those on record, which count for less. */
static double
with_record(const struct allot *a, uint32_t t, uint32_t fails, uint32_t passes, double *ret_passes)
{
	*ret_passes = passes + (a->records != NULL ? FADE * a->records[t].passes : 0);
	return fails + (a->records != NULL ? FADE * a->records[t].fails : 0);
}

/* The chance that it is flaky by what the others of its group are. */
static double
prior_of(const struct allot *a, uint32_t t)
{
	const struct group *g = &a->groups[group_of(a, t)];
	double p;

	if (g->n < GROUP_LEAST)
		return FLAKY_TESTS;
	p = (STRENGTH * FLAKY_TESTS + g->flaky - a->flaky[t]) /
	    (STRENGTH + g->weight - a->weight[t]);
	return p < LEAST ? LEAST : p > MOST ? MOST : p;
}

/*
 * The chance that it is flaky, and in *ret_next that it is and fails the next time.
 * Likelihoods are taken relative to the largest: with many attempts each is too small for
 * a number.
 */
static double
posterior(const struct allot *a, uint32_t t, double fails, double passes, double *ret_next)
{
	double prior = prior_of(a, t), flaky = 0, next = 0, other, most;
	double l[FLAKE_REAL + 2];
	int i;

	l[FLAKE_REAL] = fails * a->log_noise + passes * a->log_sound;
	l[FLAKE_REAL + 1] = fails * a->log_sound + passes * a->log_noise;
	most = l[FLAKE_REAL] > l[FLAKE_REAL + 1] ? l[FLAKE_REAL] : l[FLAKE_REAL + 1];
	for (i = 0; i < a->nrates; i++) {
		l[i] = a->log_share[i] + fails * a->log_rate[i] + passes * a->log_pass[i];
		most = l[i] > most ? l[i] : most;
	}
	for (i = 0; i < a->nrates; i++) {
		flaky += exp(l[i] - most);
		next += exp(l[i] + a->log_rate[i] - most);
	}
	other = (1 - prior) * ((1 - BROKEN) * exp(l[FLAKE_REAL] - most) +
	    BROKEN * exp(l[FLAKE_REAL + 1] - most));
	*ret_next = prior * next / (prior * flaky + other);
	return prior * flaky / (prior * flaky + other);
}

double
allot_chance(const struct allot *a, uint32_t t, uint32_t fails, uint32_t passes)
{
	double s, k = with_record(a, t, fails, passes, &s), next;

	return posterior(a, t, k, s, &next);
}

bool
allot_saw(struct allot *a, uint32_t t, uint32_t fails, uint32_t passes)
{
	struct group *g = &a->groups[group_of(a, t)];
	double s, k = with_record(a, t, fails, passes, &s), next;
	double weight = k > 0 ? 1 : 1 - exp(-s / SURE_RUNS);
	double flaky = weight * posterior(a, t, k, s, &next);

	g->weight += weight - a->weight[t];
	g->flaky += flaky - a->flaky[t];
	a->weight[t] = weight;
	a->flaky[t] = flaky;
	if (g->n < GROUP_LEAST || g->flaky < g->told + NEWS)
		return false;
	g->told = g->flaky;
	return true;
}

const uint32_t *
allot_group(const struct allot *a, uint32_t t, uint32_t *ret_n)
{
	const struct group *g = &a->groups[group_of(a, t)];

	*ret_n = g->n < GROUP_LEAST ? 0 : g->n;
	return a->members + g->first;
}

/* ---- order ---- */

#define LOG_MOST	4.0	/* of an index: chance a second, at most 1 / FIXED_S */
#define STEP		5e7	/* ranks for each 1 of the logarithm */
#define TIES		50000	/* ranks, a thousandth of an index */

uint32_t
allot_rank(const struct allot *a, uint32_t t, uint32_t fails, uint32_t passes)
{
	double s, k = with_record(a, t, fails, passes, &s), next, down;
	uint64_t us = a->tests[t].expected_us, state;

	(void)posterior(a, t, k, s, &next);
	next /= (us > 0 ? (double)us / 1e6 : 1) + FIXED_S;
	if (passes == 0 && fails >= BROKEN_RUNS)
		next /= 100;
	down = next > 0 ? LOG_MOST - log(next) : LOG_MOST * 100;
	if (down < 0)
		down = 0;
	state = a->seed ^ ((uint64_t)(fails + passes) << 32 | t);
	down = down * STEP + order_below(&state, TIES);
	return down < UINT32_MAX ? (uint32_t)down : UINT32_MAX;
}

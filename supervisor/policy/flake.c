/*
 * The statistics of flake detection: see flake.h.  All likelihoods are logarithms, since
 * 0.001 to the power of a few hundred is no number any more.  Pure.
 */
#include <math.h>

#include "supervisor/policy/flake.h"

#define BISECTIONS	60

const struct flake_real flake_real[FLAKE_REAL] = {
	{ .003, .20 }, { .01, .20 }, { .02, .20 }, { .05, .09 }, { .1, .07 }, { .2, .10 },
	{ .4, .05 }, { .7, .06 }, { .9, .03 }
};

/*
 * The failure rates of flaky tests and how much each counts: from the rates of 811 flaky
 * Java tests (FlakeFlagger, ICSE 2021), coarsened.
 */
#define N_RATES		11
static const double rates[N_RATES] = { .02, .04, .07, .12, .2, .35, .5, .65, .8, .9, .96 };
static const double weights[N_RATES] = { .12, .26, .16, .12, .10, .06, .06, .04, .04, .02, .02 };

static double
within(double v, double fallback, double low, double high)
{
	if (!(v > 0))
		v = fallback;
	return v < low ? low : v > high ? high : v;
}

struct flake_policy
flake_defaults(const struct flake_policy *given)
{
	struct flake_policy p = *given;

	if (p.runs > FLAKE_RUNS_MAX)
		p.runs = FLAKE_RUNS_MAX;
	if (p.max_runs == 0)
		p.max_runs = 300;
	if (p.max_runs > FLAKE_RUNS_MAX)
		p.max_runs = FLAKE_RUNS_MAX;
	if (p.diagnose > FLAKE_DIAGNOSE_MAX)
		p.diagnose = FLAKE_DIAGNOSE_MAX;
	if ((p.conditions & ~(1u << FLAKE_PLAIN | FLAKE_ASIDE)) == 0)
		p.conditions |= FLAKE_USUAL;
	p.threshold = within(p.threshold, FLAKE_THRESHOLD, 0, 0.5);
	p.alpha = within(p.alpha, 0.01, 1e-6, 0.5);
	p.beta = within(p.beta, 0.05, 1e-6, 0.5);
	p.rate = within(p.rate, 0.05, 1e-4, 0.5);
	p.noise = within(p.noise, 0.001, 1e-6, p.rate / 2);
	p.fdr = within(p.fdr, 0.05, 1e-6, 0.5);
	return p;
}

uint32_t
flake_streak(const struct flake_record *r)
{
	return r->fails == 0 ? r->passes : 0;
}

bool
flake_crowds(const struct flake_policy *p)
{
	if ((p->conditions >> FLAKE_CROWDED & 1) == 0)
		return false;
	return p->under != 0 ? p->under == 1 + FLAKE_CROWDED : p->provoke && p->runs == 0;
}

/* ln of the likelihood of so many failures and passes at a failure rate of q. */
static double
likelihood(double q, uint32_t fails, uint32_t passes)
{
	double l = 0;

	if (fails > 0)
		l += fails * log(q);
	if (passes > 0)
		l += passes * log1p(-q);
	return l;
}

/* ln of the mixture's. */
static double
mixture(uint32_t fails, uint32_t passes)
{
	double l[N_RATES], most = -HUGE_VAL, sum = 0;
	int i;

	for (i = 0; i < N_RATES; i++) {
		l[i] = log(weights[i]) + likelihood(rates[i], fails, passes);
		if (l[i] > most)
			most = l[i];
	}
	for (i = 0; i < N_RATES; i++)
		sum += exp(l[i] - most);
	return most + log(sum);
}

double
flake_evidence(const struct flake_policy *p, uint32_t fails, uint32_t passes)
{
	double sound, broken;

	if (fails == 0 || passes == 0)
		return -HUGE_VAL;
	sound = likelihood(p->noise, fails, passes);
	broken = likelihood(1 - p->noise, fails, passes);
	return mixture(fails, passes) - (sound > broken ? sound : broken);
}

/* By the original's rule: the share of the minority among a fixed number of runs. */
static enum flake_verdict
by_share(const struct flake_policy *p, uint32_t fails, uint32_t passes)
{
	uint32_t minority = fails < passes ? fails : passes;

	if (minority > 0)
		return minority / ((double)fails + passes) > p->threshold ? FLAKE_FLAKY :
		    FLAKE_SUSPECT;
	return fails == 0 ? FLAKE_STABLE : FLAKE_BROKEN;
}

static bool
has_all_runs(const struct flake_policy *p, uint32_t fails, uint32_t passes)
{
	uint64_t n = (uint64_t)fails + passes;

	if (n >= p->runs)
		return true;
	return p->stop_on_stable && n >= (p->runs + (uint64_t)1) / 2 &&
	    (fails == 0 || passes == 0);
}

/* The share of those that fail at `rate` or more which would have passed so often; all of
 * them when none is so bad. */
static double
missed(double rate, double passes)
{
	double all = 0, sum = 0;
	int i;

	for (i = 0; i < FLAKE_REAL; i++) {
		if (flake_real[i].rate < rate)
			continue;
		all += flake_real[i].share;
		sum += flake_real[i].share * exp(passes * log1p(-flake_real[i].rate));
	}
	return all > 0 ? sum / all : 1;
}

/* Enough passes in a row, now and before? */
static bool
is_proven(const struct flake_policy *p, uint32_t passes, uint32_t streak)
{
	uint32_t all = passes + streak;

	return passes > 0 && streak > 0 &&
	    (likelihood(p->noise, 0, all) - likelihood(p->rate, 0, all) >= -log(p->beta) ||
	    (streak >= FLAKE_STREAK && missed(p->rate, all) <= p->beta));
}

/* By the sequential tests alone. */
static enum flake_verdict
by_evidence(const struct flake_policy *p, uint32_t fails, uint32_t passes, uint32_t streak)
{
	double bound = -log(p->beta);

	if (flake_evidence(p, fails, passes) >= -log(p->alpha))
		return FLAKE_FLAKY;
	if (likelihood(p->noise, fails, passes) - likelihood(p->rate, fails, passes) >= bound ||
	    (fails == 0 && is_proven(p, passes, streak)))
		return FLAKE_STABLE;
	if (likelihood(1 - p->noise, fails, passes) - likelihood(1 - p->rate, fails, passes) >=
	    bound)
		return FLAKE_BROKEN;
	return FLAKE_OPEN;
}

/* What the evidence alone says; OPEN: nothing yet. */
static enum flake_verdict
verdict(const struct flake_policy *p, uint32_t fails, uint32_t passes, uint32_t streak)
{
	if (p->runs == 0)
		return by_evidence(p, fails, passes, streak);
	return has_all_runs(p, fails, passes) ? by_share(p, fails, passes) : FLAKE_OPEN;
}

static enum flake_verdict
undecided(uint32_t fails, uint32_t passes)
{
	return fails > 0 && passes > 0 ? FLAKE_SUSPECT : FLAKE_UNSURE;
}

enum flake_verdict
flake_decide(const struct flake_policy *p, uint32_t fails, uint32_t passes, uint32_t streak)
{
	enum flake_verdict v = verdict(p, fails, passes, streak);

	if (v == FLAKE_OPEN && p->runs == 0 && (uint64_t)fails + passes >= p->max_runs)
		v = undecided(fails, passes);
	return v;
}

enum flake_verdict
flake_conclude(const struct flake_policy *p, uint32_t fails, uint32_t passes, uint32_t streak)
{
	enum flake_verdict v = verdict(p, fails, passes, streak);

	return v != FLAKE_OPEN ? v : undecided(fails, passes);
}

/* The end of the interval between `in`, a rate that is in it, and `out`, which is not or
 * is the end of all rates. */
static double
find_end(double in, double out, double least, uint32_t fails, uint32_t passes)
{
	double q;
	int i;

	for (i = 0; i < BISECTIONS; i++) {
		q = in + (out - in) / 2;
		if (likelihood(q, fails, passes) > least)
			in = q;
		else
			out = q;
	}
	return in;
}

void
flake_interval(const struct flake_policy *p, uint32_t fails, uint32_t passes, double *ret_low,
    double *ret_high)
{
	double n = (double)fails + passes, best, least;

	*ret_low = 0;
	*ret_high = 1;
	if (fails == 0 && passes == 0)
		return;
	best = fails / n;
	least = mixture(fails, passes) + log(p->alpha);
	if (fails > 0)
		*ret_low = find_end(best, 0, least, fails, passes);
	if (passes > 0)
		*ret_high = find_end(best, 1, least, fails, passes);
}

uint32_t
flake_confirm(const double *evidence, uint32_t m, double fdr)
{
	uint32_t r;

	for (r = m; r > 0; r--)
		if (evidence[r - 1] >= log(m / (fdr * r)))
			break;
	return r;
}

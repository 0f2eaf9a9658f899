/* Exact tests and bounds; see flaky_stats.h. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/xalloc.h"
#include "ctl/flaky_stats.h"

#define ALIKE		1e-7	/* likelihoods that differ by rounding alone */

static double
log_choose(uint64_t n, uint64_t k)
{
	return lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);
}

double
stats_fisher(enum stats_side side, uint64_t fails1, uint64_t passes1, uint64_t fails2,
    uint64_t passes2)
{
	uint64_t	n1 = fails1 + passes1, n2 = fails2 + passes2, k = fails1 + fails2;
	uint64_t	first = k > n2 ? k - n2 : 0, last = k < n1 ? k : n1;
	double		all = log_choose(n1 + n2, k), sum = 0;
	double		seen = log_choose(n1, fails1) + log_choose(n2, fails2);

	for (uint64_t x = first; x <= last; x++) {
		double	l = log_choose(n1, x) + log_choose(n2, k - x);

		if ((side == STATS_MORE && x >= fails1) || (side == STATS_LESS && x <= fails1) ||
		    (side == STATS_BOTH && l <= seen + ALIKE))
			sum += exp(l - all);
	}
	return sum < 1 ? sum : 1;
}

double
stats_tables(enum stats_side side, const struct stats_table *t, size_t n)
{
	double	off = 0, variance = 0;

	for (size_t i = 0; i < n; i++) {
		double	n1 = (double)t[i].rows[0].runs, n2 = (double)t[i].rows[1].runs, all = n1 + n2;
		double	k = (double)(t[i].rows[0].fails + t[i].rows[1].fails);

		if (!(n1 > 0) || !(n2 > 0))
			continue;
		off += (double)t[i].rows[0].fails - n1 * k / all;
		variance += n1 * n2 * k * (all - k) / (all * all * (all - 1));
	}
	off = side == STATS_LESS ? -off : side == STATS_BOTH ? fabs(off) : off;
	if (!(variance > 0))
		return 1;
	off = off > 0.5 ? (off - 0.5) / sqrt(variance) : 0;
	return (side == STATS_BOTH ? 1 : 0.5) * erfc(off / sqrt(2));
}

static int
by_value(const void *a, const void *b)
{
	const double	*x = *(const double *const *)a, *y = *(const double *const *)b;

	return *x < *y ? -1 : *x > *y;
}

void
stats_holm(double *p, size_t n)
{
	double	**order = xcalloc(n + 1, sizeof *order), least = 0;

	for (size_t i = 0; i < n; i++)
		order[i] = &p[i];
	qsort(order, n, sizeof *order, by_value);
	for (size_t i = 0; i < n; i++) {
		double	v = *order[i] * (double)(n - i);

		v = v < 1 ? v : 1;
		least = v > least ? v : least;
		*order[i] = least;
	}
	free(order);
}

static int
rising(const void *a, const void *b)
{
	double	x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double
stats_median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, rising);
	return n > 0 ? (v[(n - 1) / 2] + v[n / 2]) / 2 : 0;
}

/* ---- ranks ---- */

struct ranked {
	double	value;
	bool	first;		/* of the first list */
	size_t	rank2;		/* twice the rank: a mid-rank may be half a number */
};

static int
by_rank(const void *a, const void *b)
{
	return rising(&((const struct ranked *)a)->value, &((const struct ranked *)b)->value);
}

/* Gives each its rank.  The sum of t^3 - t over the values that t of them have. */
static double
rank_all(struct ranked *v, size_t n)
{
	double	ties = 0;

	qsort(v, n, sizeof *v, by_rank);
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && !(v[k].value > v[i].value); k++)
			;
		for (size_t j = i; j < k; j++)
			v[j].rank2 = i + k + 1;
		ties += pow((double)(k - i), 3) - (double)(k - i);
	}
	return ties;
}

/* The share of all ways to choose `na` of n ranks whose sum is as far from its mean as
 * `sum2` (twice it) or farther. */
static double
exact_ranks(const struct ranked *v, size_t n, size_t na, size_t sum2)
{
	double	ways[STATS_EXACT + 1][STATS_EXACT * (STATS_EXACT + 1) + 1] = { { 1 } };
	size_t	most = n * (n + 1), mean2 = na * (n + 1);
	size_t	off = sum2 > mean2 ? sum2 - mean2 : mean2 - sum2;
	double	far = 0, all = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = i + 1 < na ? i + 1 : na; k > 0; k--) {
			for (size_t s = most; s >= v[i].rank2; s--)
				ways[k][s] += ways[k - 1][s - v[i].rank2];
		}
	}
	for (size_t s = 0; s <= most; s++) {
		all += ways[na][s];
		if ((s > mean2 ? s - mean2 : mean2 - s) >= off)
			far += ways[na][s];
	}
	return far / all;
}

double
stats_ranks(const double *a, size_t na, const double *b, size_t nb)
{
	size_t		 n = na + nb, sum2 = 0;
	struct ranked	*v = xcalloc(n + 1, sizeof *v);
	double		 ties, p = 1, off, variance, dn = (double)n;

	for (size_t i = 0; i < n; i++)
		v[i] = (struct ranked){ .value = i < na ? a[i] : b[i - na], .first = i < na };
	ties = rank_all(v, n);
	for (size_t i = 0; i < n; i++)
		sum2 += v[i].first ? v[i].rank2 : 0;
	if (na > 0 && nb > 0 && n <= STATS_EXACT) {
		p = exact_ranks(v, n, na, sum2);
	} else if (na > 0 && nb > 0) {
		off = fabs((double)sum2 / 2 - (double)na * (dn + 1) / 2) - 0.5;
		variance = (double)na * (double)nb / 12 * (dn + 1 - ties / (dn * (dn - 1)));
		p = off > 0 && variance > 0 ? erfc(off / sqrt(2 * variance)) : 1;
	}
	free(v);
	return p;
}

double
stats_ranks_within(const double *v, const bool *in, const unsigned *group, size_t n,
    unsigned groups)
{
	struct ranked	*r = xcalloc(n + 1, sizeof *r);
	double		 off = 0, variance = 0;

	for (unsigned g = 0; g < groups; g++) {
		double	ties, m = 0, of = 0, sum = 0;

		for (size_t i = 0; i < n; i++) {
			if (group[i] != g)
				continue;
			r[(size_t)of++] = (struct ranked){ .value = v[i], .first = in[i] };
			m += in[i];
		}
		if (!(m > 0) || !(of - m > 0))
			continue;
		ties = rank_all(r, (size_t)of);
		for (size_t i = 0; i < (size_t)of; i++)
			sum += r[i].first ? (double)r[i].rank2 / 2 : 0;
		off += (sum - m * (of + 1) / 2) / (of + 1);
		variance += m * (of - m) / 12 * (of + 1 - ties / (of * (of - 1))) /
		    ((of + 1) * (of + 1));
	}
	free(r);
	return variance > 0 ? erfc(off / sqrt(2 * variance)) / 2 : 1;
}

/* ---- runs ---- */

/* ln of the number of ways to cut n into k stretches; none: so small that it is lost. */
static double
log_cuts(uint64_t n, uint64_t k)
{
	return k == 0 || k > n ? -HUGE_VAL : log_choose(n - 1, k - 1);
}

double
stats_runs(uint64_t fails, uint64_t passes, uint64_t runs)
{
	double	all = log_choose(fails + passes, fails), p = 0;

	if (fails == 0 || passes == 0)
		return 1;
	for (uint64_t r = 2; r <= runs; r++) {
		uint64_t	k = r / 2, more = r - k;

		p += exp(log_cuts(fails, k) + log_cuts(passes, more) - all) +
		    exp(log_cuts(fails, more) + log_cuts(passes, k) - all);
	}
	return p < 1 ? p : 1;
}

#define RHYTHM_FAILS	4

double
stats_rhythm(const uint64_t *at, size_t fails, uint64_t n)
{
	uint64_t	least = UINT64_MAX, most = 0;
	double		pass, gap;

	if (fails < RHYTHM_FAILS || fails >= n)
		return 1;
	for (size_t i = 1; i < fails; i++) {
		uint64_t	g = at[i] - at[i - 1];

		least = g < least ? g : least;
		most = g > most ? g : most;
	}
	if (least < 2)
		return 1;
	pass = 1 - (double)fails / (double)n;
	gap = pow(pass, (double)(least - 1)) - pow(pass, (double)most);
	return pow(gap, (double)(fails - 2));
}

double
stats_factor(double p)
{
	if (!(p < exp(-1)))
		return 1;
	return p < 1e-12 ? 1e9 : -1 / (exp(1) * p * log(p));
}

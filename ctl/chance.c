/* Failure rates, and runs to see a failure; see chance.h. */
#include <math.h>

#include "ctl/chance.h"

#define BISECTIONS	60

/* The chance of at least `fails` failures in `runs` at a rate in (0, 1): term by term,
 * by logarithms, since the binomials are no numbers any more. */
static double
at_least(uint64_t fails, uint64_t runs, double rate)
{
	double	n = (double)runs, sum = 0;

	for (uint64_t k = fails; k <= runs; k++) {
		double	x = (double)k;
		double	term = exp(lgamma(n + 1) - lgamma(x + 1) - lgamma(n - x + 1) +
		    x * log(rate) + (n - x) * log1p(-rate));

		sum += term;
		/* They only fall behind the mode. */
		if (x > n * rate && term < sum * 1e-15)
			break;
	}
	return sum < 1 ? sum : 1;
}

double
chance_low(uint64_t fails, uint64_t runs, double error)
{
	double	low = 0, high = 1, middle;

	if (fails == 0 || runs == 0)
		return 0;
	for (int i = 0; i < BISECTIONS; i++) {
		middle = (low + high) / 2;
		if (at_least(fails < runs ? fails : runs, runs, middle) < error)
			low = middle;
		else
			high = middle;
	}
	return low;
}

double
chance_excluded(uint64_t passes, double error)
{
	return passes == 0 ? 1 : -expm1(log(error) / (double)passes);
}

uint64_t
chance_runs(double rate, double miss)
{
	double	n;

	if (rate >= 1)
		return 1;
	n = rate > 0 ? ceil(log(miss) / log1p(-rate)) : UINT32_MAX;
	return n < 1 ? 1 : n < UINT32_MAX ? (uint64_t)n : UINT32_MAX;
}

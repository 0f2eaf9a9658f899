/*
 * What runs that pass and fail by chance can and cannot show: how rare failures may be,
 * how many runs it takes to see one.  Pure.
 */
#ifndef CTL_CHANCE_H
#define CTL_CHANCE_H

#include <stdint.h>

#define CHANCE_ERROR	0.05	/* of what is said, unless another is given */

/*
 * The lower end of a failure rate after `fails` of `runs`, below which it is with a
 * chance of at most `error`: Clopper and Pearson, Biometrika 26, 1934, one-sided.  It
 * also holds when the runs were ended by the last of the failures.  0 without failures.
 */
double	 chance_low(uint64_t fails, uint64_t runs, double error);

/* The failure rate at which so many runs would all have passed with a chance of `error`:
 * it, and any above, is excluded with 1 - error.  1 without a run. */
double	 chance_excluded(uint64_t passes, double error);

/* Runs after which none has failed with a chance of at most `miss`, at this failure
 * rate: ln(miss) / ln(1 - rate), rounded up; at least 1.  UINT32_MAX for a rate of 0. */
uint64_t chance_runs(double rate, double miss);

#endif

/*
 * The statistics of the flaky report, as pure functions of counts and values; each dies
 * without memory, none has another error.
 */
#ifndef CTL_FLAKY_STATS_H
#define CTL_FLAKY_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which way a difference is looked for. */
enum stats_side { STATS_MORE, STATS_LESS, STATS_BOTH };

/*
 * Fisher's exact test (R. A. Fisher, Statistical Methods for Research Workers, 1934,
 * 21.02): the chance of a table of two rows at least so far from equal shares as this
 * one, with the first row failing more, or less.  BOTH: of all tables that are at most
 * as likely as this one.
 */
double	stats_fisher(enum stats_side, uint64_t fails1, uint64_t passes1, uint64_t fails2,
	    uint64_t passes2);

/*
 * Does the first row fail more often (or less), where there are several tables, each with
 * rates of its own?  Of one table: rows[0] against rows[1].  The chance by the normal
 * approximation, with continuity corrected: N. Mantel and W. Haenszel, Journal of the
 * National Cancer Institute 22, 1959; it holds for many small tables, too.  1 when no
 * table has both rows and both outcomes.
 */
struct stats_table {
	struct {
		uint64_t	fails, runs;
	} rows[2];
};
double	stats_tables(enum stats_side, const struct stats_table *, size_t n);

/*
 * Holm's step-down (S. Holm, Scandinavian Journal of Statistics 6, 1979): makes of n
 * chances p[] those that hold for all of them together, in place.
 */
void	stats_holm(double *p, size_t n);

/*
 * Do the values of the one list lie beside those of the other?  The rank-sum test, on
 * both sides, with mid-ranks for what is equal: F. Wilcoxon, Biometrics Bulletin 1, 1945;
 * H. B. Mann and D. R. Whitney, Annals of Mathematical Statistics 18, 1947.  Of up to
 * STATS_EXACT values all ways to deal them out are counted; of more it is the normal
 * approximation, with corrections for ties and for continuity (E. L. Lehmann,
 * Nonparametrics, 1975, 1.2 and 1.4).  1 when a list is empty.
 */
#define STATS_EXACT	30
double	stats_ranks(const double *a, size_t na, const double *b, size_t nb);

/*
 * Do the values that are `in` lie above the others of their own group (group[i] < groups)?
 * The rank sums of all groups together, each by 1 / (its values + 1): P. van Elteren, Bulletin
 * of the International Statistical Institute 37, 1960.  One side, by the normal
 * approximation with the correction for ties; 1 when no group has both.
 */
double	stats_ranks_within(const double *v, const bool *in, const unsigned *group, size_t n,
	    unsigned groups);

/* The median; 0 for none.  Sorts them. */
double	stats_median(double *, size_t n);

/*
 * The chance of so few runs (stretches of outcomes that are alike) or fewer, when
 * failures and passes come in any order: A. Wald and J. Wolfowitz, Annals of
 * Mathematical Statistics 11, 1940.  1 when there is but one kind.
 */
double	stats_runs(uint64_t fails, uint64_t passes, uint64_t runs);

/*
 * The chance that failures come so evenly, when each attempt fails at one rate: that all
 * of the gaps between them are as long as these are, from the shortest to the longest,
 * given the first one.  `at`: which of `n` attempts failed, rising.  1 for fewer than
 * four failures, and when two came in a row.
 */
double	stats_rhythm(const uint64_t *at, size_t fails, uint64_t n);

/*
 * How many times more likely a chance as small as p is when there is something to find
 * than when there is not, at the most: -1 / (e p ln p), 1 for p from 1/e on (T. Sellke,
 * M. J. Bayarri and J. O. Berger, The American Statistician 55, 2001).
 */
double	stats_factor(double p);

#endif

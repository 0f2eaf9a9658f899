/* Figures: samples of one measure, and a table of them with aligned columns. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <stddef.h>

#define SAMPLES_MAX	1024

struct samples {
	double	v[SAMPLES_MAX];
	size_t	n;
};

void	samples_add(struct samples *, double);	/* what is beyond the bound is dropped */

/* The value that `percent` of the samples do not exceed; 0 of none. */
double	samples_rank(const struct samples *, double percent);
#define samples_median(s)	samples_rank(s, 50)

struct table {
	char	**rows;		/* cells parted by "|" */
	size_t	  n;
};

/* Adds a row; cells are parted by "|".  The first and the last column are set to the
 * left, the others to the right. */
void	table_row(struct table *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints the title and the rows, and empties the table. */
void	table_print(struct table *, const char *title);

/* "bar <= 1.15: met" as text of a cell, static until the next call. */
const char	*table_at_most(double value, double bar, const char *unit);
const char	*table_at_least(double value, double bar, const char *unit);

#endif

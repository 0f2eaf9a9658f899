/*
 * When a test began to fail more often: pure functions over its results in order.
 *
 * An alarm while results come, Page's CUSUM (Biometrika 41, 1954): with x = 1 for a
 * failure,
 *
 *	S = max(0, S + x ln(p1/p0) + (1 - x) ln((1-p1)/(1-p0))),  alarm at S >= 5
 *
 * for p1 = 0.05 against p0 = max(0.002, the healthy rate).  By simulation it takes 45
 * results on average to notice a rate of 0.05, 10 for 0.2, 4 for 0.5, and a test that
 * fails 0.002 raises a false one every 8,000.
 *
 * A place, looked for afterwards: of all places to cut n results in two, the one with the
 * largest Bayes factor of two rates against one,
 *
 *	B(a + k1, b + s1) B(a + k2, b + s2) / (B(a + k, b + s) B(a, b)),  a = 0.3, b = 0.5
 *
 * with k failures and s passes, 1 and 2 the parts; then the same in each part, as in
 * LUCI Analysis (luci-go, analysis/internal/changepoints), whose priors these are.  It is
 * taken as a change from a factor of 100 on (LUCI waits for 10,000): behind 200 healthy
 * results it is told after 78, 17, 7, 2 results of a rate of 0.05, 0.1, 0.2, 0.5, and its
 * place is off by 18, 8, 3, 1; of 400 results of one rate 0.3 % look as if it had risen.
 * The factors, normalised over the places, are their posterior under a flat prior: it
 * gives the range of 95 %.  All figures: tests/unit/test_change.c.
 */
#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANGE_FEWEST_RATE	0.002	/* p0, at the least */
#define CHANGE_RATE		0.05	/* p1 */
#define CHANGE_ALARM		5.0	/* of S */
#define CHANGE_FACTOR		4.605170185988092	/* ln 100 */
#define CHANGE_MAX		16	/* changes of one test */

struct change_alarm {
	double	sum;			/* S */
	double	fail, pass;		/* what a result adds */
};

/* `healthy`: the failure rate so far, 0 when it is not known. */
void	change_alarm_init(struct change_alarm *, double healthy);

/* One result more.  True: an alarm, after which it begins anew. */
bool	change_alarm_add(struct change_alarm *, bool failed);

/* The first result of a new rate. */
struct change {
	size_t	at;			/* index; the best place */
	size_t	low, high;		/* with 95 % it is one of these */
	double	factor;			/* ln of the Bayes factor */
};

/* The best place to cut n results in two, however good it is; `work` has room for n
 * numbers.  False when there is none: n < 2. */
bool	change_best(const uint8_t *failed, size_t n, double *work, struct change *ret);

/* All changes, in order, at most CHANGE_MAX; how many.  `work` as above. */
size_t	change_find(const uint8_t *failed, size_t n, double *work, struct change ret[CHANGE_MAX]);

#endif

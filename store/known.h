/*
 * What the results of a test say of its flakiness: the score, when it began, how often it
 * fails.  Pure, over results in order; see flakiness.h and change.h.
 */
#ifndef STORE_KNOWN_H
#define STORE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/change.h"
#include "store/flakiness.h"

#define KNOWN_RESULTS	4096	/* the newest that are looked at */
#define KNOWN_STREAK_MS	5000

/* An attempt that is evidence. */
struct known_result {
	uint64_t	start_ms, end_ms;	/* end_ms and print: of a failure */
	uint64_t	print;			/* fingerprint */
	int64_t		run;
	uint32_t	index, attempt;
	uint32_t	failures;		/* that this stands for; 0: it passed */
};

/* How much it says that one of two results of different runs is a pass and the other none:
 * 0 to FLAKINESS_SURE. */
typedef double	known_weight_fn(void *arg, const struct known_result *,
		    const struct known_result *);

struct known {
	struct flakiness	flakiness;
	size_t			runs, results, failures;
	size_t			seen;		/* runs in which it was surely both */
	size_t			healed;		/* failures that passed in the same run */
	size_t			clean;		/* passes since the last failure */
	size_t			first, last;	/* results at which it was seen; with seen > 0 */
	bool			began_known;
	struct change		began;		/* with began_known */
	size_t			from, to;	/* results of the time in which it was flaky */
	size_t			rate_results, rate_failures;	/* of that time */
	double			rate_low, rate_high;	/* with 95 % */
	double			before;		/* the failure rate before it began */
	size_t			alarm;		/* the result of the last alarm, or SIZE_MAX */
};

/* Room for known_of(); too large for a stack. */
struct known_work {
	double	factors[KNOWN_RESULTS];
	uint8_t	failed[KNOWN_RESULTS];
};

/* One failure in place of several in a row with one fingerprint within KNOWN_STREAK_MS of
 * each other, since they are hardly independent.  How many results are left. */
size_t	known_merge(struct known_result *, size_t n);

/* Of merged results, at most KNOWN_RESULTS, in the order of their runs. */
void	known_of(const struct known_result *, size_t n, known_weight_fn *, void *arg,
	    struct known_work *, struct known *ret);

/* The interval of Wilson (J. Am. Stat. Assoc. 22, 1927) for k of n, with 95 %. */
void	known_interval(size_t k, size_t n, double *ret_low, double *ret_high);

#endif

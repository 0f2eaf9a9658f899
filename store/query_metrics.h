/* What the two files of METRICS share: the tests that are asked for, and their sum. */
#ifndef STORE_QUERY_METRICS_H
#define STORE_QUERY_METRICS_H

#include "store/query_int.h"
#include "store/recent.h"

/* A test that is asked for. */
struct metrics_item {
	int64_t			id;
	uint64_t		key;		/* largest first; of METRIC_SORT_NAME: where in `names` */
	uint32_t		regressed;	/* bits 1 << enum metric_kind */
	bool			flaky, known;	/* known: it has a last attempt */
	struct recent_row	last;
};

struct metrics {
	struct query		*q;		/* borrowed, as m */
	const struct msg_metrics *m;
	int64_t			 run;		/* 0: none is asked for */
	char			 run_id[QUERY_RUN_ID + 1];
	struct metrics_item	*items;
	size_t			 n, cap;
	bool			 more;		/* than are let through */
	char			*names;		/* each ends with NUL */
	size_t			 names_n, names_cap;
	struct msg_metric_sum	 sum;
};

/* Fills items (in no order), names and sum, but for what the sum says of runs.  0 or -errno. */
int	query_metrics_scan(struct metrics *);
/* That.  0 or -errno. */
int	query_metrics_runs(struct metrics *);
void	query_metrics_free(struct metrics *);

#endif

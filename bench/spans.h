/*
 * When each attempt of a campaign ran, and what it had of the machine: its time, divided at
 * each moment by how many ran then.  So many at once cost no more than few, idle time costs
 * those for which others had to wait, and all together are the time of the campaign.
 */
#ifndef BENCH_SPANS_H
#define BENCH_SPANS_H

#include "bench/flaky.h"

struct span {
	uint64_t	start_us, end_us;	/* start <= end */
	size_t		test;
	bool		passed;
	double		machine_ms;		/* set by spans_score(); 0 before */
};

struct spans {
	struct span	*v;
	size_t		 n, cap;
};

void	spans_add(struct spans *, const struct span *);

/* Counts all of them, in the order in which they ended, once. */
void	spans_score(struct spans *, struct score *);
void	spans_free(struct spans *);

#endif

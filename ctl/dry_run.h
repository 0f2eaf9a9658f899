/* What the supervisor expects of a plan, by the history, without running it. */
#ifndef CTL_DRY_RUN_H
#define CTL_DRY_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "ctl/submit.h"

struct dry_run_row {
	uint32_t	index;		/* of the test in the plan */
	bool		known;		/* by its own history */
	uint64_t	start_us;	/* after the run's start */
	uint64_t	expected_us, spread_us;
	uint64_t	fail_ppm;	/* chance of a failure, in a million */
};

/* Zeroed is empty. */
struct dry_run {
	struct dry_run_row *rows;	/* in the order of their start */
	size_t		 n, cap;
	uint64_t	 makespan_us, bound_us;	/* no order can be faster than bound */
	uint64_t	 known;		/* tests with a history */
	uint64_t	 jobs;
};

/*
 * Sends the plan and asks for its rows.  0, or as submit_open() and client_request(),
 * with the error set; -EPROTO for an answer that does not fit the plan, after which
 * the connection is to be closed.
 */
int	dry_run_ask(struct client *, const struct plan *, const struct submit *,
	    struct dry_run *, struct client_error *);
void	dry_run_free(struct dry_run *);	/* its contents */

#endif

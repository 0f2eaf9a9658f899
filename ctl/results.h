/*
 * What is known of a run, gathered from its events: every test with all of its
 * attempts.  The one model behind summary, JSON, TAP and JUnit.
 */
#ifndef CTL_RESULTS_H
#define CTL_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"
#include "common/outcome.h"
#include "ctl/plan.h"

struct attempt_result {
	uint64_t	number;		/* from 1 */
	uint64_t	worker;
	bool		finished;
	enum outcome	outcome;
	uint64_t	start_ms, end_ms;	/* since the epoch */
	uint64_t	duration_us, cpu_us, max_rss, delay_ms, timeout_ms;
	bool		has_exit_code, has_signal;
	uint64_t	exit_code, signal;
	char		*output;	/* the last of both streams, any bytes */
	size_t		 output_len;
	uint64_t	 output_bytes;	/* all that was printed */
	bool		 output_truncated;
	struct strs	 assertions;	/* 3 each */
	enum error_category error_category;
	char		*error_message;	/* NULL: none */
	struct strs	 leaked;	/* 2 each: pid argv */
	bool		 has_subtests;
	uint64_t	 sub_total, sub_passed, sub_failed, sub_skipped, sub_todo;
	struct strs	 sub_failures;	/* 2 each: number name */
	char		*isolation;	/* NULL: not said */
	char		*message;	/* e.g. the reason of a skip; NULL: none */
};

struct test_result {
	char		*name;		/* NULL: nothing heard of it yet */
	char		*source;	/* FILE:LINE, NULL: none */
	bool		 running, done;
	enum test_status status;	/* when done */
	bool		 flaky;
	uint64_t	 duration_us, retries;
	char		*message;	/* why it did not run */
	struct attempt_result *attempts;	/* in order */
	size_t		 nattempts;
};

struct results_gap {
	uint64_t	first, last;
};

struct results {
	char		*run;		/* id, NULL: no event yet */
	char		*name;		/* label */
	uint64_t	 total, jobs, seed, start_ms, end_ms;
	bool		 shuffled, cancelling, finished;
	enum run_status	 status;
	struct test_result *tests;	/* by index in the plan; total of them */
	/* counted as they come; run.finished's own figures replace them */
	uint64_t	 passed, failed, skipped, timed_out, errored, cancelled, flaky;
	uint64_t	 done, running;
	uint64_t	 duration_us, sequential_us, workers_used;
	char		*message;	/* why it ended so */
	struct strs	 warnings;
	uint64_t	 last_seq;	/* of the newest event seen */
	struct results_gap *gaps;	/* numbers below it that did not come yet */
	size_t		 ngaps;
};

/* Zeroed is empty.  Events with a sequence number already seen are ignored
 * (false is returned), so that a reattached stream counts nothing twice; what was
 * left out may come later. */
bool	results_event(struct results *, const struct msg_event *);
void	results_free(struct results *);

/* The exit code of the contract for a run that is over (or was lost). */
int	results_exit_code(const struct results *, bool flaky_fails);

#endif

/*
 * What is known of a run, gathered from its events: every test with all of its
 * attempts.  The one model behind summary, JSON, TAP and JUnit.
 */
#ifndef CTL_RESULTS_H
#define CTL_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/figures.h"
#include "common/flake.h"
#include "common/msg.h"
#include "common/outcome.h"
#include "ctl/plan.h"

struct attempt_result {
	uint64_t	number;		/* from 1 */
	uint64_t	worker;
	bool		started, finished;	/* what its events of that name say is known */
	bool		reworded;	/* error_message is what is alike in those of its kind */
	enum outcome	outcome;
	uint64_t	start_ms, end_ms;	/* since the epoch */
	uint64_t	duration_us, cpu_us, max_rss, delay_ms, timeout_ms;
	enum isolation	isolation;	/* AUTO: not said */
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
	char		*message;	/* e.g. the reason of a skip; NULL: none */
	uint64_t	 figures[FIGURE_COUNT];
	size_t		 nfigures;	/* that came; the rest is 0 */
	uint64_t	 fingerprint;	/* of the failure, 0: none */
	char		*failure;	/* what it was made of; NULL: none */
	enum retry_decision decision;	/* about a retry of it */
	char		*reason;	/* of that, NULL: none was said */
	uint64_t	 retry_delay_ms;	/* that a granted one waits */
	uint64_t	 condition;	/* enum flake_condition */
};

/* What flake detection says of a test; zeroed in an ordinary run. */
struct flake_result {
	enum flake_verdict verdict;	/* OPEN: it was not asked for */
	uint64_t	passes, fails;	/* attempts that are evidence */
	uint64_t	low_ppm, high_ppm;	/* the failure rate lies between them */
	uint64_t	evidence_milli;	/* ln of the e-value */
	uint64_t	recorded;	/* passes of earlier runs that counted, too */
	bool		confirmed;	/* also beside all other tests of the run */
};

struct test_result {
	char		*name;		/* NULL: nothing heard of it yet */
	char		*source;	/* FILE:LINE, NULL: none */
	bool		 running, done;
	enum test_status status;	/* when done */
	bool		 flaky;
	uint64_t	 duration_us, retries;
	uint64_t	 expected_us;	/* duration, by the history; 0: not said */
	char		*message;	/* why it did not run */
	struct attempt_result *full;	/* attempts in order: all, or those that are not
					 * packed; attempts.h has all of them */
	size_t		 nattempts;	/* the packed ones, too */
	struct attempt_packing *packing;	/* NULL: none is packed */
	struct flake_result flake;
};

/* A circuit breaker changed its state. */
struct breaker_result {
	char		*name;		/* what it is for; NULL: not said */
	enum breaker_state state;
	uint64_t	 fingerprint;	/* of the failures it is for, 0: none */
	char		*message;
};

struct results_gap {
	uint64_t	first, last;
};

struct results {
	char		*run;		/* id, NULL: no event yet */
	char		*name;		/* label */
	char		*parent;	/* the run whose tests run again; NULL: none */
	char		*revision;	/* of what was tested; NULL: not said */
	char		*asked;		/* isolation, as isolation.h writes it; NULL: any */
	unsigned	 isolations;	/* levels that attempts had, a bit each */
	uint64_t	 total, jobs, seed, start_ms, end_ms;
	bool		 shuffled, cancelling, finished;
	bool		 detects;	/* flaky tests: each runs again until it is decided */
	double		 threshold;	/* then: flaky above this share of the minority */
	enum run_status	 status;
	struct test_result *tests;	/* by index in the plan; total of them */
	struct attempt_view *view;	/* see attempts.h; NULL: nothing is packed */
	/* counted as they come; run.finished's own figures replace them */
	uint64_t	 passed, failed, skipped, timed_out, errored, cancelled, flaky;
	uint64_t	 done, running;
	uint64_t	 duration_us, sequential_us, workers_used;
	uint64_t	 expected_us;	/* of duration_us, by the history; 0: not said */
	uint64_t	 bound_us;	/* no order can be faster */
	uint64_t	 refused;	/* retries that were */
	uint64_t	 resumed;	/* how often the supervisor was lost */
	uint64_t	 evicted;	/* attempts that made room, as memory was short */
	struct breaker_result *breakers;	/* in the order of their changes */
	size_t		 nbreakers;
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

/* The first number, from `since` on, of an event that did not come yet. */
uint64_t results_next(const struct results *, uint64_t since);

/* The exit code of the contract for a run that is over (or was lost). */
int	results_exit_code(const struct results *, bool flaky_fails);

#endif

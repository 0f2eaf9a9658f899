/*
 * The words of results: how one attempt ended, what a test and a run came to.
 * Names, order and mapping are the contract's; reports print these names.
 */
#ifndef COMMON_OUTCOME_H
#define COMMON_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

/* One attempt. */
#define OUTCOME_LIST(X)							\
	X(PASS, "pass")							\
	X(FAIL, "fail")							\
	X(TIMEOUT, "timeout")						\
	X(CRASH, "crash")	/* a signal that we did not send */	\
	X(OOM, "oom")							\
	X(EXEC_ERROR, "exec_error") /* could not be started */		\
	X(SKIP, "skip")							\
	X(LOST, "lost")		/* worker or supervisor died under it */ \
	X(CANCELLED, "cancelled")

/* One test, over its attempts. */
#define TEST_STATUS_LIST(X)						\
	X(PASS, "pass")							\
	X(FAIL, "fail")							\
	X(SKIP, "skip")							\
	X(TIMEOUT, "timeout")						\
	X(ERROR, "error")						\
	X(CANCELLED, "cancelled")

#define RUN_STATUS_LIST(X)						\
	X(RUNNING, "running")						\
	X(PASSED, "passed")						\
	X(FAILED, "failed")						\
	X(CANCELLED, "cancelled")					\
	X(ERROR, "error")

/* Why a result is not a pass. */
#define ERROR_CATEGORY_LIST(X)						\
	X(NONE, "")							\
	X(ASSERTION, "assertion")					\
	X(TIMEOUT, "timeout")						\
	X(SETUP, "setup")						\
	X(TEARDOWN, "teardown")						\
	X(EXECUTION, "execution")					\
	X(CRASH, "crash")						\
	X(RESOURCE, "resource")						\
	X(INFRASTRUCTURE, "infrastructure")

enum outcome {
#define X(N, s)	OUTCOME_##N,
	OUTCOME_LIST(X)
#undef X
	OUTCOME_COUNT
};

enum test_status {
#define X(N, s)	TEST_##N,
	TEST_STATUS_LIST(X)
#undef X
	TEST_STATUS_COUNT
};

enum run_status {
#define X(N, s)	RUN_##N,
	RUN_STATUS_LIST(X)
#undef X
	RUN_STATUS_COUNT
};

enum error_category {
#define X(N, s)	CATEGORY_##N,
	ERROR_CATEGORY_LIST(X)
#undef X
	CATEGORY_COUNT
};

/* What became of the wish to run a failed test again. */
#define RETRY_DECISION_LIST(X)						\
	X(NONE, "")							\
	X(GRANTED, "granted")						\
	X(RULE, "rule")		/* a rule of the test says no */	\
	X(BUDGET, "budget")	/* of the run, used up */		\
	X(TAG_BUDGET, "tag_budget")					\
	X(BREAKER, "breaker")	/* open: such retries do not help now */ \
	X(MASS_FAILURE, "mass_failure")	/* nearly all of the run fails */

#define BREAKER_STATE_LIST(X)						\
	X(CLOSED, "closed")						\
	X(OPEN, "open")							\
	X(HALF_OPEN, "half-open")

enum retry_decision {
#define X(N, s)	RETRY_##N,
	RETRY_DECISION_LIST(X)
#undef X
	RETRY_DECISION_COUNT
};

enum breaker_state {
#define X(N, s)	BREAKER_##N,
	BREAKER_STATE_LIST(X)
#undef X
	BREAKER_STATE_COUNT
};

/* What a test's own rules (retry on, never) say of a failed attempt. */
enum retry_says {
	SAYS_NOTHING,		/* it has no rules */
	SAYS_RETRY,		/* a rule of `on` matches */
	SAYS_NEVER,		/* a rule of `never` does, or none of `on` */
	SAYS_PLEASE,		/* the test itself asks: exit 75 */
	SAYS_COUNT
};

/* Where a retry runs. */
enum retry_where {
	WHERE_NOW,		/* as soon as its wait is over */
	WHERE_END,		/* after every other test of the run */
	WHERE_ALONE,		/* then, and nothing beside it */
	WHERE_COUNT
};

enum test_format { FORMAT_EXIT, FORMAT_TAP, FORMAT_COUNT };
enum retry_jitter { JITTER_NONE, JITTER_FULL, JITTER_EQUAL, JITTER_DECORRELATED, JITTER_COUNT };

/* Exit codes of paratestctl: the contract, section 3. */
enum exit_code {
	EXIT_PASSED = 0,
	EXIT_TESTS_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_INTERNAL = 3,
	EXIT_NO_TESTS = 4,
	EXIT_FLAKY = 6,
	EXIT_SETUP_FAILED = 7,
	EXIT_INFRASTRUCTURE = 8,
	EXIT_SIGNAL = 128,		/* + the signal's number */
};

/* Names for a value; "?" for one that is out of range. */
const char	*outcome_name(uint64_t);
const char	*test_status_name(uint64_t);
const char	*run_status_name(uint64_t);
const char	*error_category_name(uint64_t);
const char	*retry_decision_name(uint64_t);
const char	*breaker_state_name(uint64_t);

/* The status of a test whose last attempt ended so (lost counts as error). */
enum test_status outcome_status(enum outcome);

#endif

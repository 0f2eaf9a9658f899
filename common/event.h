/*
 * Events: what happens in a run, as the EVENT message carries it.  Every
 * observer (store, watchers, reporters) sees this one stream, numbered from 1
 * without a gap; a run's stream starts with run.started and ends with
 * run.finished.
 *
 *	run.started		name total jobs seed shuffled parent
 *				[source: the revision] [expected_us bound_us]
 *				[isolation: what was asked for, see isolation.h]
 *				[flake: enum flake_setting]
 *	attempt.started		test index attempt worker timeout_ms delay_ms
 *				[expected_us] [condition]
 *	attempt.finished	test index attempt worker outcome duration_us
 *				start_ms end_ms [exit_code signal] cpu_us max_rss
 *				output output_bytes output_truncated assertions
 *				error_* leaked sub_* isolation message figures
 *				fingerprint failure
 *	test.finished		test index status flaky attempts retries
 *				duration_us source [message: why it did not run]
 *				[flake]
 *	run.cancelling		message
 *	warning			message [test index]
 *	run.finished		status total passed failed skipped timed_out errored
 *				cancelled flaky_count duration_us sequential_us
 *				workers_used start_ms end_ms message [confirmed]
 *
 *	retry.scheduled		test index attempt decision delay_ms message
 *	retry.refused		test index attempt decision message
 *	breaker.changed		name decision message [fingerprint]
 *	run.resumed		message: after the supervisor was lost
 *
 * retry.* name the attempt that failed, follow its attempt.finished, and say why
 * in `message`.  No event says that a test was never to be retried.
 *
 * A lost attempt of the error category `resource` made room, as memory was short: its test
 * runs again as often as that happens.
 *
 * attempt.finished has exit_code xor signal when the command was started.
 * test.finished follows the last attempt.finished of its test, or stands alone
 * for a test that never ran (skip, cancelled).
 */
#ifndef COMMON_EVENT_H
#define COMMON_EVENT_H

#include <stdint.h>

#define EVENT_TYPE_LIST(X)						\
	X(NONE, "")							\
	X(RUN_STARTED, "run.started")					\
	X(ATTEMPT_STARTED, "attempt.started")				\
	X(ATTEMPT_FINISHED, "attempt.finished")				\
	X(TEST_FINISHED, "test.finished")				\
	X(RUN_CANCELLING, "run.cancelling")				\
	X(WARNING, "warning")						\
	X(RUN_FINISHED, "run.finished")					\
	X(RETRY_SCHEDULED, "retry.scheduled")				\
	X(RETRY_REFUSED, "retry.refused")				\
	X(BREAKER_CHANGED, "breaker.changed")				\
	X(RUN_RESUMED, "run.resumed")

enum event_type {
#define X(N, s)	EVENT_##N,
	EVENT_TYPE_LIST(X)
#undef X
	EVENT_TYPE_COUNT
};

/* "attempt.started" for a type, "?" for one that is out of range. */
const char	*event_type_name(uint64_t);

#endif

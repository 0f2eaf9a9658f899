/* Names of the words in outcome.h, event.h and flake.h. */
#include <stddef.h>

#include "common/event.h"
#include "common/flake.h"
#include "common/outcome.h"

#define X(N, s)	s,
static const char *const outcomes[] = { OUTCOME_LIST(X) };
static const char *const test_statuses[] = { TEST_STATUS_LIST(X) };
static const char *const run_statuses[] = { RUN_STATUS_LIST(X) };
static const char *const categories[] = { ERROR_CATEGORY_LIST(X) };
static const char *const decisions[] = { RETRY_DECISION_LIST(X) };
static const char *const breaker_states[] = { BREAKER_STATE_LIST(X) };
static const char *const events[] = { EVENT_TYPE_LIST(X) };
static const char *const flake_verdicts[] = { FLAKE_VERDICT_LIST(X) };
static const char *const flake_conditions[] = { FLAKE_CONDITION_LIST(X) };
#undef X

#define NAME_OF(table, v)	((v) < sizeof(table) / sizeof((table)[0]) ? (table)[v] : "?")

const char *
outcome_name(uint64_t v)
{
	return NAME_OF(outcomes, v);
}

const char *
test_status_name(uint64_t v)
{
	return NAME_OF(test_statuses, v);
}

const char *
run_status_name(uint64_t v)
{
	return NAME_OF(run_statuses, v);
}

const char *
error_category_name(uint64_t v)
{
	return NAME_OF(categories, v);
}

const char *
retry_decision_name(uint64_t v)
{
	return NAME_OF(decisions, v);
}

const char *
breaker_state_name(uint64_t v)
{
	return NAME_OF(breaker_states, v);
}

const char *
event_type_name(uint64_t v)
{
	return NAME_OF(events, v);
}

enum test_status
outcome_status(enum outcome o)
{
	switch (o) {
	case OUTCOME_PASS:
		return TEST_PASS;
	case OUTCOME_FAIL:
	case OUTCOME_CRASH:
	case OUTCOME_OOM:
		return TEST_FAIL;
	case OUTCOME_TIMEOUT:
		return TEST_TIMEOUT;
	case OUTCOME_SKIP:
		return TEST_SKIP;
	case OUTCOME_CANCELLED:
		return TEST_CANCELLED;
	case OUTCOME_EXEC_ERROR:
	case OUTCOME_LOST:
	case OUTCOME_COUNT:
		break;
	}
	return TEST_ERROR;
}

const char *
flake_verdict_name(uint64_t v)
{
	return NAME_OF(flake_verdicts, v);
}

const char *
flake_condition_name(uint64_t v)
{
	return NAME_OF(flake_conditions, v);
}

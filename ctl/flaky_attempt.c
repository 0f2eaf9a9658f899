/* One attempt as evidence; see flaky_attempt.h. */
#include <signal.h>
#include <string.h>

#include "common/outcome.h"
#include "ctl/attempts.h"
#include "ctl/flaky_attempt.h"

#define AT_ONCE_MS	150	/* from the end of an attempt to the start of the next one */

bool
flaky_is_failure(const struct attempt_result *a)
{
	enum test_status	status = outcome_status(a->outcome);

	return a->finished && (status == TEST_FAIL || status == TEST_TIMEOUT);
}

bool
flaky_is_evidence(const struct attempt_result *a)
{
	return flaky_is_failure(a) || (a->finished && a->outcome == OUTCOME_PASS);
}

enum flake_condition
flaky_condition_of(const struct attempt_result *a)
{
	return a->condition < FLAKE_CONDITION_COUNT ? (enum flake_condition)a->condition :
	    FLAKE_PLAIN;
}

size_t
flaky_attempts(const struct test_result *t)
{
	size_t	n = t->nattempts;

	if (n > 0 && t->status == TEST_CANCELLED && attempts_last(t)->outcome == OUTCOME_TIMEOUT)
		n--;
	return n;
}

bool
flaky_is_again(const struct attempt_result *before, const struct attempt_result *a)
{
	return before != NULL && flaky_is_failure(before) &&
	    flaky_condition_of(before) == FLAKE_PLAIN &&
	    a->start_ms <= before->end_ms + AT_ONCE_MS;
}

const char *
flaky_message(const struct attempt_result *a)
{
	if (a->failure != NULL && *a->failure != '\0')
		return a->failure;
	return a->error_message != NULL ? a->error_message : "";
}

static bool
says(const char *text, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcasestr(text, *words) != NULL)
			return true;
	}
	return false;
}

static const char *const	connection_words[] = { "ECONN", "connection refused",
	"connection reset", "broken pipe", NULL };
static const char *const	network_words[] = { "network", "EHOSTUNREACH", "ENETUNREACH",
	"name resolution", "getaddrinfo", "ENOTFOUND", "no route to host", NULL };
static const char *const	race_words[] = { "data race", "race condition", "deadlock",
	"concurrent modification", NULL };

const char *
flaky_pattern_name(const struct attempt_result *a)
{
	static const char *const	null[] = { "null", "undefined", "NoneType", NULL };
	const char			*message = flaky_message(a);

	if (a->outcome == OUTCOME_TIMEOUT)
		return "Timeout";
	if (says(message, connection_words))
		return "Connection Error";
	if (says(message, network_words))
		return "Network Error";
	if (says(message, race_words))
		return "Race Condition";
	if ((a->outcome == OUTCOME_CRASH && a->has_signal && a->signal == SIGSEGV) ||
	    says(message, null))
		return "Null/Undefined Error";
	if (a->error_category == CATEGORY_ASSERTION)
		return "Assertion Failure";
	return "Unknown";
}

unsigned
flaky_marks(const struct attempt_result *a)
{
	static const char *const	in_use[] = { "EADDRINUSE", "address already in use",
	    "port is already allocated", "resource busy", "is locked", NULL };
	static const char *const	exists[] = { "EEXIST", "file exists", "already exists", NULL };
	static const char *const	files[] = { "EMFILE", "ENFILE", "too many open files", NULL };
	static const char *const	memory[] = { "ENOMEM", "cannot allocate memory",
	    "memory exhausted", "out of memory", "OutOfMemory", "bad_alloc", "MemoryError", NULL };
	static const char *const	space[] = { "ENOSPC", "no space left", "EDQUOT",
	    "quota exceeded", NULL };
	static const char *const	late[] = { "timed out", "timeout", "deadline", "took too long",
	    NULL };
	static const struct { enum flaky_mark mark; const char *const *words; } all[] = {
		{ FLAKY_MARK_IN_USE, in_use }, { FLAKY_MARK_EXISTS, exists },
		{ FLAKY_MARK_FILES, files }, { FLAKY_MARK_MEMORY, memory },
		{ FLAKY_MARK_SPACE, space }, { FLAKY_MARK_LATE, late },
		{ FLAKY_MARK_NETWORK, connection_words }, { FLAKY_MARK_NETWORK, network_words },
		{ FLAKY_MARK_RACE, race_words },
	};
	unsigned	marks = 0;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (says(flaky_message(a), all[i].words))
			marks |= 1u << all[i].mark;
	}
	if (a->outcome == OUTCOME_TIMEOUT)
		marks |= 1u << FLAKY_MARK_LATE;
	if (a->outcome == OUTCOME_OOM)
		marks |= 1u << FLAKY_MARK_MEMORY;
	if (a->outcome == OUTCOME_CRASH)
		marks |= 1u << FLAKY_MARK_CRASH;
	return marks;
}

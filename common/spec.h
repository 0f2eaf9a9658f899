/*
 * The specification of one test, as TEST_ADD carries it: what is allowed in it,
 * checked by the client for good messages and by the supervisor because a
 * client is not trusted.
 */
#ifndef COMMON_SPEC_H
#define COMMON_SPEC_H

#include <stddef.h>

#include "common/msg.h"

#define SPEC_NAME_MAX		512	/* bytes of a test's name */
#define SPEC_REVISION_MAX	128	/* bytes of the name of a revision */
#define SPEC_TEXT_MAX		4096	/* bytes of skip and source: an event carries them */
#define SPEC_ARGV_MAX		4096	/* words of a command */
#define SPEC_RESOURCES_MAX	64	/* locks and slots of one test */
#define SPEC_WEIGHT_MAX		1024
#define SPEC_PRIORITY_MAX	10	/* of a run, and as much below 0 */
#define SPEC_RETRY_MAX		100
#define SPEC_TIMEOUT_MAX_MS	(UINT64_C(30) * 24 * 3600 * 1000)
#define SPEC_OUTPUT_DEFAULT	(UINT64_C(10) << 20)	/* bytes a stream */
#define SPEC_OUTPUT_MAX		(UINT64_C(64) << 20)

/*
 * Expectations: `expect` holds SPEC_EXPECT_STRIDE strings for each, type, target,
 * expected, message.  The message replaces the default text when it is not "".
 *
 *	type			target		expected
 *	exit_code		""		"0", "0,3" any of, "!0" none of,
 *						"signal:SEGV"
 *	output_equals		stdout|stderr|output	the text
 *	output_contains		same		a substring
 *	output_not_contains	same		a substring
 *	output_matches		same		"/pattern/flags" (PCRE2; i m s x)
 *	output_not_matches	same
 *	output_starts		same		a prefix
 *	output_ends		same		a suffix
 *	output_empty		same		"true" or "false"
 *	no_errors		same		"" or lines "+PATTERN" (also an error)
 *						and "-PATTERN" (not an error)
 *
 * stdout_equals is the original's name of output_equals on stdout.  Target ""
 * reads as "output", both streams in order of arrival.  When no exit_code is
 * among them, exit code 0 is expected too.
 */
#define SPEC_EXPECT_STRIDE	4

/*
 * Rules of retry_on and retry_never, one string each:
 *
 *	timeout		 crash fail oom: the attempt's outcome
 *	exit:CODE	 its exit code, 0 to 255
 *	signal:NAME	 the signal that ended it: SEGV, or a number
 *	text:SUBSTRING	 in the error or the output, letters (of ASCII) of either case
 *	match:REGEX	 there too; PCRE2, or /REGEX/FLAGS with i m s x; "^" and "$"
 *			 hold at every line
 *
 * A failed attempt is run again when no rule of `never` matches it and a rule of
 * `on` does, or `on` is empty.  A test that exits with SPEC_EXIT_RETRY asks for it
 * itself: no rule of `on` is needed, and when retry_count is absent it is granted
 * SPEC_PLEASE_MAX retries.
 */
#define SPEC_RULES_MAX		64	/* of each list */
#define SPEC_RULE_MAX		1024	/* bytes of one */
#define SPEC_EXIT_RETRY		75	/* EX_TEMPFAIL of sysexits.h */
#define SPEC_PLEASE_MAX		2

enum spec_rule_kind { RULE_OUTCOME, RULE_EXIT, RULE_SIGNAL, RULE_TEXT, RULE_MATCH };

struct spec_rule {
	enum spec_rule_kind	kind;
	unsigned		value;	/* enum outcome, exit code, number of the signal */
	struct sv		text;	/* of the last two kinds; borrowed from the rule */
};

/* Takes a rule apart.  0, or -EINVAL with one line in `why` that names the rule.  Of
 * a REGEX only length and flags are looked at: PCRE2 is where it is used. */
int	spec_rule_parse(struct sv rule, struct spec_rule *ret, char *why, size_t size);
/* The same for one who only wants to know whether it is one. */
int	spec_rule(struct sv rule, char *why, size_t size);

/* "SEGV", "SIGSEGV", "11": the number of a signal; 0: it is none. */
unsigned spec_signal(struct sv);

/*
 * The limit of a retry budget, as RUN_BEGIN carries it: a share of the tests it is
 * for ("2%", of those of the run or with the tag, at least 1), a number of retries
 * ("20"), or the time they may take ("10m", as durations are written).
 */
enum spec_budget_kind { BUDGET_NONE, BUDGET_PPM, BUDGET_RETRIES, BUDGET_MS };

struct spec_budget {
	enum spec_budget_kind	kind;
	uint64_t		value;	/* millionths of the tests, retries, ms */
};

#define SPEC_BUDGETS_MAX	64

/* 0, or -EINVAL: none of these, more than 100 %, 4294967295 retries or 30 days.  A
 * share has at most four digits after the point. */
int	spec_budget(struct sv, struct spec_budget *ret);

/* What RUN_BEGIN says of the circuit breaker, by index; what is not there, or is 0,
 * has the default of policy/breaker.h. */
enum breaker_setting {
	BREAKER_SET_OFF,		/* 1: no breaker at all */
	BREAKER_SET_WINDOW,		/* retries that are looked at */
	BREAKER_SET_MINIMUM,		/* of them, before it may open */
	BREAKER_SET_FAILURE_PPM,	/* share of failed retries that opens it */
	BREAKER_SET_COOL_DOWN_MS,
	BREAKER_SET_CONSECUTIVE,	/* failed retries in a row that open it */
	BREAKER_SET_MASS_PPM,		/* share of failed tests that is a mass failure */
	BREAKER_SET_COUNT
};

/* The known types, for a loader's suggestions; ends with NULL. */
extern const char *const spec_expect_types[];

/* "NAME=COUNT": 0 and its parts, or -EINVAL. */
int	spec_slot(struct sv, struct sv *ret_name, uint32_t *ret_count);

/* What is wrong with the name of a revision, one line; NULL: nothing, also when it is
 * empty.  It is one line of at most SPEC_REVISION_MAX printable ASCII characters. */
const char	*spec_revision_wrong(struct sv);

/* The priority of a run as RUN_BEGIN carries it, and back: zigzag. */
static inline uint64_t
spec_priority_wire(int p)
{
	return p < 0 ? (uint64_t)(-(p + 1)) * 2 + 1 : (uint64_t)p * 2;
}

static inline int
spec_priority(uint64_t wire)
{
	return (wire & 1) != 0 ? -(int)(wire / 2) - 1 : (int)(wire / 2);
}

/*
 * Checks a test.  0, or -EINVAL with one line in `why` that names the field.
 */
int	spec_check(const struct msg_test_add *, char *why, size_t size);

/* What names a run, as a prefix of its id: "latest" is the newest, which has an empty one. */
struct sv spec_run(struct sv name);

#endif

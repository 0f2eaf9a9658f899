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
#define SPEC_TEXT_MAX		4096	/* bytes of skip and source: an event carries them */
#define SPEC_ARGV_MAX		4096	/* words of a command */
#define SPEC_RESOURCES_MAX	64	/* locks and slots of one test */
#define SPEC_WEIGHT_MAX		1024
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

/* The known types, for a loader's suggestions; ends with NULL. */
extern const char *const spec_expect_types[];

/* "NAME=COUNT": 0 and its parts, or -EINVAL. */
int	spec_slot(struct sv, struct sv *ret_name, uint32_t *ret_count);

/*
 * Checks a test.  0, or -EINVAL with one line in `why` that names the field.
 */
int	spec_check(const struct msg_test_add *, char *why, size_t size);

#endif

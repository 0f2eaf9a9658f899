/*
 * What one attempt says to flake detection: is it evidence, of what, and how did it fail.
 */
#ifndef CTL_FLAKY_ATTEMPT_H
#define CTL_FLAKY_ATTEMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/flaky_cause.h"
#include "ctl/results.h"

/* An attempt that failed, timed out or crashed. */
bool	flaky_is_failure(const struct attempt_result *);
/* One of these, or one that passed. */
bool	flaky_is_evidence(const struct attempt_result *);
/* The condition it was run under; PLAIN for one that is not known here. */
enum flake_condition flaky_condition_of(const struct attempt_result *);

/* Attempts up to the one that the end of the run's time cut off: that is no timeout of
 * the test. */
size_t	flaky_attempts(const struct test_result *);

/* Was it run again right after `before` (NULL: none), which failed plainly? */
bool	flaky_is_again(const struct attempt_result *before, const struct attempt_result *);

/* What was said of a failure, borrowed; "" for nothing. */
const char *flaky_message(const struct attempt_result *);

/* The name that the original framework has for such a failure: by how it ended, then by
 * what it said. */
const char *flaky_pattern_name(const struct attempt_result *);

/* Bits of enum flaky_mark: what a failure speaks of. */
unsigned flaky_marks(const struct attempt_result *);

#endif

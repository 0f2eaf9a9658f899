/*
 * The expectation "no_errors": no line of a text reads like an error.
 */
#ifndef WORKER_NOERRORS_H
#define WORKER_NOERRORS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sv.h"
#include "worker/strbuf.h"

/*
 * Looks for the words of errors, in any case of letters, where they are not denied
 * ("0 errors", "no errors", "errors: 0").  rules: lines "+PATTERN", also an error,
 * and "-PATTERN", a line that is none; "" or "true" for no more rules.  Appends to
 * `message` what was found.  what: name of the text.  end_us: when to give up.
 */
bool	noerrors_check(struct sv text, const char *what, struct sv rules, uint64_t end_us,
	    struct strbuf *message);

#endif

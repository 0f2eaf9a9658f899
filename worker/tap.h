/*
 * The Test Anything Protocol, versions 12 to 14, read as its bytes come.  Bounded
 * memory whatever comes.  Pure; dies without memory.
 *
 * Only the outermost level counts: what is indented (subtests, YAML blocks) is
 * summed up by the point that follows it.
 */
#ifndef WORKER_TAP_H
#define WORKER_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAP_FAILURES_MAX	64		/* that are named */
#define TAP_LINE_MAX		4096		/* bytes of a line that are looked at */
#define TAP_NUMBER_MAX		(1u << 23)	/* highest number of a point */

struct tap_failure {
	uint64_t	 number;
	char		*name;		/* escaped and shortened; owned by the parser */
};

struct tap_result {
	/* total = passed + failed + skipped + todo; todo_passed is within todo. */
	uint64_t		 total, passed, failed, skipped, todo, todo_passed;
	const struct tap_failure *failures;
	size_t			 n_failures;
	bool			 skip_all;	/* nothing was to run, and nothing did */
	const char		*skip_reason;	/* "" without one */
	const char		*problem;	/* why it is not a pass; NULL: it is one */
};

struct tap;

struct tap	*tap_new(void);
void		 tap_free(struct tap *);
void		 tap_feed(struct tap *, const void *, size_t);
/* After the last byte, once.  exit_code: of the command, 0 when it is judged
 * elsewhere.  *ret borrows from the parser. */
void		 tap_finish(struct tap *, int exit_code, struct tap_result *ret);

#endif

/*
 * Expectations against what came: one at a time, each with its own verdict and a
 * message that shows both.  Pure; dies without memory.  The types and their
 * targets are those of common/spec.h.
 */
#ifndef WORKER_ASSERTION_H
#define WORKER_ASSERTION_H

#include <stdbool.h>

#include "common/msg.h"

enum { ASSERTION_OUTPUT, ASSERTION_STDOUT, ASSERTION_STDERR, ASSERTION_TARGETS };

/* How the command ended and what it printed. */
struct assertion_facts {
	bool		signaled;
	int		code;			/* exit code, or signal */
	bool		truncated;		/* the texts are not whole */
	struct sv	text[ASSERTION_TARGETS];
};

struct assertion_result {
	bool	 passed;
	char	*name;		/* "stdout_contains"; malloc'ed */
	char	*message;	/* malloc'ed */
};

/* Which texts `expect` looks at: bits of 1 << ASSERTION_... */
unsigned	assertion_targets(struct svs expect);

/* Is there an expectation on the exit code, or one that this signal or code meets? */
bool		assertion_on_exit(struct svs expect);
bool		assertion_takes_signal(struct svs expect, int sig);
bool		assertion_takes_code(struct svs expect, int code);

/* Judges the i-th group of four of `expect`. */
void		assertion_check(struct svs expect, uint32_t i, const struct assertion_facts *,
		    struct assertion_result *ret);

/* "exit code 3", "killed by SIGSEGV": malloc'ed. */
char		*assertion_describe_end(bool signaled, int code);

#endif

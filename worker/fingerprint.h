/*
 * Which failures are the same: a number over the error and the last lines of both
 * streams, as normal.h makes them equal, and over outcome and category.  What the test
 * is called does not count: its name, its program, and the files that its command names
 * (also in the line of a shell), by their paths and by their last parts.  Pure; dies
 * without memory.
 */
#ifndef WORKER_FINGERPRINT_H
#define WORKER_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/outcome.h"
#include "common/sv.h"

#define FINGERPRINT_TAIL	4096	/* bytes of a stream that are worth giving */
#define FINGERPRINT_LINES	3	/* of them: the last that are not blank */
#define FINGERPRINT_LINE	400	/* bytes of one that count */
#define FINGERPRINT_MESSAGE	2000	/* bytes of the error that count */
#define FINGERPRINT_WORDS	32	/* of the command: the first that name files */
#define FINGERPRINT_TEXT	200	/* bytes of `text` */

/* A failed attempt; borrowed for the call. */
struct fingerprint_facts {
	enum outcome		outcome;
	enum error_category	category;
	struct sv		message;
	struct sv		tails[2];	/* ends of stdout and stderr */
	struct sv		test, program;	/* their names */
	struct svs		command;	/* the test's argv */
};

struct fingerprint {
	uint64_t	value;			/* never 0 */
	char		text[FINGERPRINT_TEXT + 1]; /* what it was made of: one line of UTF-8 */
	bool		resource_like;		/* as failures that waiting may heal */
};

void	fingerprint(const struct fingerprint_facts *, struct fingerprint *ret);

#endif

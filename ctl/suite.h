/*
 * Suite files: YAML or JSON text into a plan.  Read with the user's own rights;
 * a strict subset of YAML (no anchors, aliases, tags, directives or second
 * document), types decided by the key, unknown and duplicate keys refused.
 */
#ifndef CTL_SUITE_H
#define CTL_SUITE_H

#include <stddef.h>

#include "ctl/plan.h"

struct suite_error {
	char	text[1024];	/* "FILE:LINE:COLUMN: what, what to do" */
};

/*
 * Adds the tests of the suite in `text` (len bytes) to the plan.  `file` is its
 * name in messages; relative cwds are taken from `dir` (absolute).  A file whose
 * name ends in .json, or whose first byte of text is { or [, is read as JSON.
 * 0; or -EINVAL with the error, and the plan as it was.  Pure: opens nothing.
 */
int	suite_parse(struct plan *, const char *file, const char *dir,
	    const char *text, size_t len, struct suite_error *);

/* Reads the file ("-": standard input) and parses it; dir is the file's folder.
 * 0, -EINVAL, or -errno of the reading, each with the error set. */
int	suite_load(struct plan *, const char *file, struct suite_error *);

/*
 * One test for each non-empty line of `text`: the words of `command` with every
 * {} replaced by the line; a command without shell syntax runs without a shell,
 * one with it gets the line as one quoted word.  Names are the lines.
 */
int	suite_each(struct plan *, const char *command, const char *dir,
	    const char *text, size_t len, struct suite_error *);

/* One test that is the command; named after it. */
void	suite_command(struct plan *, char *const argv[], const char *dir);

#endif

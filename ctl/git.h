/* Calling git and reading what it says. */
#ifndef CTL_GIT_H
#define CTL_GIT_H

#include <stddef.h>

#include "ctl/text.h"

#define GIT_WHY		512
#define GIT_WAIT_MS	600000	/* for one call: a checkout of a large tree, with its hooks */
#define GIT_NO_PROGRAM	127

/*
 * Runs `git -C DIR ARG...` (ends with NULL) with messages in English, nothing to read and
 * no terminal, so that Ctrl-C is ours.  Its standard output, without newlines at its end,
 * in *out (NULL: dropped), the first line of its complaint in `why`.  Its exit code;
 * GIT_NO_PROGRAM when there is no git, -ETIMEDOUT when it was ended after GIT_WAIT_MS,
 * another -errno, each with `why`.
 */
int	git_run(const char *dir, struct text *out, char why[GIT_WHY], const char *const *args);

#define GIT(dir, out, why, ...)						\
	git_run(dir, out, why, (const char *const []){ __VA_ARGS__, NULL })

#endif

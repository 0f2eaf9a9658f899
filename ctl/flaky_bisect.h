/* Finds the commit at which a command began to fail: paratestctl flaky --bisect -- CMD. */
#ifndef CTL_FLAKY_BISECT_H
#define CTL_FLAKY_BISECT_H

#include "ctl/options.h"

/* The verb with its own help, for complaints; it is called by cmd_flaky. */
extern const struct cmd_entry	flaky_bisect_cmd;

/*
 * Drives `git bisect` in the work tree of the current folder, between o->good (NULL: looked
 * for) and o->bad (NULL: HEAD), with the command behind -- (argv from optind).  However it
 * ends, the tree is then at the commit at which it was.  The exit code: 0 when the commit
 * was found, 1 when skipped commits hide it, 2 when the revisions or the tree are no
 * ground to start from.
 */
int	flaky_bisect(const struct cmd_entry *, const struct cmd_globals *, const struct options *,
	    int argc, char **argv);

#endif

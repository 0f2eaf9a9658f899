/* Running the command of a bisect at the commit that is checked out. */
#ifndef CTL_BISECT_RUN_H
#define CTL_BISECT_RUN_H

#include "ctl/bisect.h"
#include "ctl/options.h"

struct bisect_command {
	const struct cmd_entry	 *cmd;		/* who complains */
	const struct cmd_globals *globals;
	const struct options	 *options;
	char *const		 *argv;		/* ends with NULL */
	const char		 *cwd;		/* absolute */
};

/*
 * Runs it up to `most` times, or until it has failed `until` times: as one run of the
 * supervisor with `label`, isolated and on record like any other, that shows nothing.
 * With `until` 1 nothing starts after the first failure of any copy.  Adds up what came
 * of it.  0, or an exit code (the error is printed).
 */
int	bisect_run(const struct bisect_command *, const char *label, uint64_t most, uint64_t until,
	    struct bisect_runs *);

#endif

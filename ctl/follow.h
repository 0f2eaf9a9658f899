/*
 * What run and retry do with a plan once they have it: submit, follow, report.
 */
#ifndef CTL_FOLLOW_H
#define CTL_FOLLOW_H

#include <stdio.h>

#include "ctl/options.h"
#include "ctl/results.h"

struct follow {
	const struct cmd_entry	*cmd;		/* who complains */
	const struct options	*options;
	const char		*parent;	/* id of the run that is run again, NULL: none */
	FILE			*json;		/* where the result document goes, borrowed */
	bool			 silent;	/* nothing is shown of the run itself */
	/* Called once with all that is known when the run is over or lost; may be NULL. */
	void			(*over)(void *arg, const struct results *);
	void			*arg;
};

/*
 * Submits the plan, with the options that are about the run as a whole, and follows
 * it to its end, or prints its id when it is detached.  The exit code.
 */
int	follow_plan(const struct follow *, struct client *, const struct plan *);

/* Does something for programs have standard output, so that lines for people go to
 * standard error? */
bool	follow_has_stdout(const struct options *);

#endif

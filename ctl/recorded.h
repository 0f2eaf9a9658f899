/* What is on record of a run: its tests as they were asked for, and what they came to. */
#ifndef CTL_RECORDED_H
#define CTL_RECORDED_H

#include "ctl/cmd.h"
#include "ctl/plan_wire.h"
#include "ctl/results.h"

/*
 * The tests of a run that is over (NULL: the newest), all or only those that are open,
 * as plan_wire_read().  0 or an exit code (the error is printed; also when the run is not
 * over yet).
 */
int	recorded_plan(const struct cmd_entry *, struct client *, const char *run, bool open,
	    struct plan *, struct plan_origin *);

/* Its results, to be freed by results_free().  0 or an exit code (the error is printed). */
int	recorded_results(const struct cmd_entry *, struct client *, const char *run,
	    struct results *);

#endif

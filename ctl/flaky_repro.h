/* Runs one test again and again until it fails: paratestctl flaky --repro TEST. */
#ifndef CTL_FLAKY_REPRO_H
#define CTL_FLAKY_REPRO_H

#include "ctl/options.h"

/*
 * The test o->repro of suites (argv from optind) or of a run on record (o->from; the
 * newest when no suites are given either), under the condition of o->flake, or the one
 * under which it has failed the most on that record.  The exit code: 1 when it failed,
 * 0 when it did not, 4 when no attempt could tell.
 */
int	flaky_repro(const struct cmd_entry *, const struct cmd_globals *, struct options *,
	    int argc, char **argv);

#endif

/* Which tests flake detection looks at, when it is not all of some suites. */
#ifndef CTL_FLAKY_TESTS_H
#define CTL_FLAKY_TESTS_H

#include "ctl/options.h"
#include "ctl/plan_wire.h"

/*
 * The tests of a run (o->from; "latest": the newest), as they are on record: those that
 * went wrong, or those of all that the filters choose; then as options_apply().  0 or an
 * exit code (the error is printed).
 */
int	flaky_from(const struct cmd_entry *, const struct cmd_globals *, struct client *,
	    const struct options *, struct plan *, struct plan_origin *);

/*
 * Keeps the tests of the plan that never came to a result before, by suite and name, in
 * the history of this user.  0 or an exit code (the error is printed; EXIT_NO_TESTS when
 * none is new).
 */
int	flaky_only_new(const struct cmd_entry *, struct client *, const struct options *,
	    struct plan *);

#endif

/*
 * paratestctl flaky --order: the runs that a search for tests that depend on the order
 * asks for, one after the other, each with one folder for all of its tests.
 */
#ifndef CTL_FLAKY_ORDER_H
#define CTL_FLAKY_ORDER_H

#include "ctl/options.h"

/* Its own usage text; who complains. */
extern const struct cmd_entry	flaky_order_cmd;

/* Runs the search over the plan and reports; suites: the words that name it, for a command
 * that can be typed.  The exit code. */
int	flaky_order(struct client *, const struct options *, const struct plan *,
	    const char *suites);

#endif

/* A run that detects flaky tests, told of by whoever follows it: flaky, show, watch. */
#ifndef CTL_FLAKY_TELL_H
#define CTL_FLAKY_TELL_H

#include <stdbool.h>
#include <stdio.h>

#include "ctl/results.h"
#include "ctl/text.h"

/*
 * Adds the table, as `out` can show it, or with `json` the value of the member `flaky` of
 * the result document.  `suites`: as of flaky_report_of().  The exit code of the run.
 */
int	flaky_tell(const struct results *, const char *suites, bool json, FILE *out, struct text *);

#endif

/*
 * Does a test fail at a certain part of the clock's second, minute or hour?  What is about
 * to go on to the next one, or is rounded to it, fails there, whatever it is run under.
 *
 * For each such span, and each part of it, the attempts that start in it are set against
 * all others (Fisher's exact test), times the parts that there are (Bonferroni).  Failures
 * of one part that come from fewer than three of the spans are one spell, and no clock.
 */
#ifndef CTL_FLAKY_CLOCK_H
#define CTL_FLAKY_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/flaky_cause.h"

/* n attempts, by their starts in ms since the epoch, rising.  The likeliest part of all;
 * ret->v.seen.runs is 0 when failures are too few. */
void	flaky_clock(const uint64_t *start_ms, const bool *failed, size_t n, struct flaky_arc *ret);

#endif

/*
 * Which condition does a flaky test depend on?  Where the next attempt tells the most, out
 * of how often it failed under each so far.  Pure.
 *
 * Each condition has a few attempts, then the one that looks the least like plain has
 * more: it is one of many, of which some look different by chance, and more attempts
 * tell.  One that differs beyond doubt has no more, and plain has half of them until there
 * are enough to compare with.
 */
#ifndef POLICY_PROBE_H
#define POLICY_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/flake.h"

/* Attempts of a test under one condition; those past UINT8_MAX are not counted. */
struct trial {
	uint8_t		runs, fails;
};

void	probe_count(struct trial *, bool failed);

/* The condition of attempt `turn`, of FLAKE_PLAIN and those that are asked for (bits),
 * by the trials of each. */
enum flake_condition	probe_next(const struct trial[FLAKE_CONDITION_COUNT], uint32_t asked,
			    uint32_t turn);

#endif

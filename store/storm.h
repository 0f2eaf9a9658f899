/*
 * Environment events: tests that have nothing to do with each other and were healthy fail
 * within a few seconds, since something that they share is ill.  Such failures say nothing
 * of the tests.  Pure, over the ends of the attempts of a run as they come.
 *
 * With R attempts ended in the last 10 s, and X of them failures in different groups of
 * tests that have so far failed in at most 0.001 of their runs: an event, when X >= 3 and
 * so many or more would come by chance, Poisson(R 0.001), less often than once in a million.
 * A group is what stands before the last '/' or "::" of a name, since a folder of tests
 * that breaks with one change is no weather; a name without either is its own.
 */
#ifndef STORE_STORM_H
#define STORE_STORM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/sv.h"

#define STORM_MS	10000		/* what is looked at */
#define STORM_FEWEST	3		/* X */
#define STORM_HEALTHY	0.001		/* the failure rate that counts as none */
#define STORM_CHANCE	1e-6

#define STORM_SLICES	100		/* of the time that is looked at */
#define STORM_FAILURES	64		/* the newest that are remembered */

/* Zeroed: nothing has ended yet. */
struct storm {
	uint64_t	slice;			/* the newest, in STORM_MS / STORM_SLICES */
	uint32_t	ended[STORM_SLICES];	/* attempts, by slice modulo their number */
	struct {
		uint64_t	at_ms, group;
	} failures[STORM_FAILURES];		/* of healthy tests */
	uint32_t	nfailures;		/* so far */
};

/* An attempt ended; `failure`: as one of a test that was healthy, of this group.  True:
 * this is an event now, and lasts since *ret_from_ms at the least.  Ends that come a
 * little out of order are taken for ends of now. */
bool	storm_add(struct storm *, uint64_t at_ms, bool failure, uint64_t group,
	    uint64_t *ret_from_ms);

/* FNV-1a, 64 bits. */
uint64_t storm_hash(struct sv);

/* The group of a test, as a number. */
uint64_t storm_group(struct sv test);

/* The chance that so many or more come where `mean` are expected: the upper tail of
 * Poisson's distribution. */
double	storm_chance(double mean, uint32_t count);

#endif

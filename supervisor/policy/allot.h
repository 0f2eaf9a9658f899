/*
 * Where the attempts of a budget find the most flaky tests: of all tests that wait, the
 * one whose next attempt is the most likely to show that it is flaky, a second of its
 * time, goes first.  Pure.
 *
 * A test is flaky with a chance that the others of its group and its own record give; if
 * it is, its failure rate is one of those that real flaky tests have.  Bayes' rule on
 * what it has done so far makes of both the chance of a discovery in the next attempt.
 * Flaky tests come in groups (of the tests that share a class with a flaky one 55 % are
 * flaky too, of all 3.6 %: computed from 22,245 tests run 10,000 times each, which
 * A. Alshammari and others published with "FlakeFlagger", ICSE 2021), so that one that
 * is found draws attempts to its neighbours.
 *
 * This decides about order alone: what is said of a test rests on flake.h.
 */
#ifndef POLICY_ALLOT_H
#define POLICY_ALLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/policy/flake.h"
#include "supervisor/policy/sched.h"

struct allot;

/* For the tests of a plan, of which only expected_us and the record of each are looked
 * at; borrows them.  NULL: no memory. */
struct allot	*allot_new(const struct sched_plan *);
void		 allot_free(struct allot *);

/* A test has failed and passed so often by now.  True: it has become so much more likely
 * that its group is flaky that the others of it are to be placed anew. */
bool		 allot_saw(struct allot *, uint32_t test, uint32_t fails, uint32_t passes);

/* The other tests of its group, and itself; none when it has too few. */
const uint32_t	*allot_group(const struct allot *, uint32_t test, uint32_t *ret_n);

/* Its place among all that wait, the lowest first; ties are broken by the seed. */
uint32_t	 allot_rank(const struct allot *, uint32_t test, uint32_t fails,
		    uint32_t passes);

/* The chance that the test is flaky, by all of that. */
double		 allot_chance(const struct allot *, uint32_t test, uint32_t fails,
		    uint32_t passes);

#endif

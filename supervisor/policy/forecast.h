/*
 * How long a plan will take if every test takes as long as expected and passes:
 * the scheduler itself, run in virtual time, and beside it what no order could
 * beat.  Pure.
 *
 * Done in slices, since a large plan takes longer than a loop may be held.
 */
#ifndef POLICY_FORECAST_H
#define POLICY_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/policy/sched.h"

struct forecast;

/*
 * The tests and resources of the plan are borrowed for the forecast's life.  All
 * `jobs` are taken to be there; the run's timeout and its limit of failures do not
 * count, and skipped tests take no time.  NULL: no memory.
 */
struct forecast	*forecast_new(const struct sched_plan *);
void		 forecast_free(struct forecast *);

/* At most so many steps of the scheduler, about two a test.  True: it is done, and
 * the results are there. */
bool		 forecast_step(struct forecast *, uint32_t steps);

uint64_t	 forecast_makespan_us(const struct forecast *);

/*
 * The longest of: all unit-microseconds over the jobs; the longest test; the tests
 * that take more than half of the jobs, one after the other; what is taken of a
 * resource over how much there is of it.  To each comes the time of the serial
 * tests, which are in none of them.  Never above the makespan.
 */
uint64_t	 forecast_bound_us(const struct forecast *);

/* When test `t` starts; UINT64_MAX: it never does. */
uint64_t	 forecast_start_us(const struct forecast *, uint32_t t);

/* The tests in the order of their starts, *ret_n of them. */
const uint32_t	*forecast_order(const struct forecast *, uint32_t *ret_n);

#endif

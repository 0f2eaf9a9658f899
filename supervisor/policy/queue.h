/*
 * The tests of one run that wait for a start, and what the running ones hold.
 * Owns the choice of the next one, the first in the order of those that fit, and
 * the reservation for one that was passed over too often.  Pure.
 *
 * The order is that of rank, or by history the slack rule of order.h among what
 * waits at that moment: tests that are long for the work that remains, the longest
 * first, then by the chance of a failure a second; ties by rank.
 *
 * Tests with the same requirements form a class, so that a choice looks at
 * classes and not at tests.
 */
#ifndef POLICY_QUEUE_H
#define POLICY_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/policy/heap.h"
#include "supervisor/policy/sched.h"

struct queue;

/*
 * An empty queue for the tests of a plan.  nodes[test].rank is set by the
 * caller; `nodes` is borrowed for the queue's life.  NULL: no memory.
 */
struct queue	*queue_new(const struct sched_plan *, struct heap_node *nodes);
void		 queue_free(struct queue *);

/* False when it needs more than there is and so can never start. */
bool		 queue_possible(const struct queue *, uint32_t test);

/* A possible test waits from now on. */
void		 queue_push(struct queue *, uint32_t test);

/* A waiting test waits no more. */
void		 queue_remove(struct queue *, uint32_t test);

/*
 * Starts the next test, false when none may.  A start takes what the test needs.
 * `limit`: units that may be held.
 */
bool		 queue_start(struct queue *, uint32_t limit, uint32_t *ret_test);

/* The first in the order, of those that were not passed over as long as there are others;
 * false: none waits. */
bool		 queue_first(const struct queue *, uint32_t *ret_test);

/* Of a plan with crowds: from now on so many tests share a unit. */
void		 queue_crowd(struct queue *, uint32_t crowd);

/* A started test is over: gives back what it took. */
void		 queue_release(struct queue *, uint32_t test);

/* Nothing waits any more. */
void		 queue_clear(struct queue *);

/* Units held; units it could hold if the limit were the run's `jobs`. */
uint32_t	 queue_used(const struct queue *);
uint32_t	 queue_demand(const struct queue *);

/* What the host has left from now on; of a wide plan `limit` and these units are CPUs. */
void		 queue_bound(struct queue *, const struct sched_host *);

/* Is there so much memory, or does nothing run?  What the last queue_start() that started
 * nothing would have needed; 0: its tests waited for something else. */
bool		 queue_has_memory(const struct queue *, uint64_t bytes);
uint64_t	 queue_lacks(const struct queue *);

/* As sched_cpu_milli(). */
uint64_t	 queue_cpu_milli(const struct queue *, uint32_t *ret_unknown);

#endif

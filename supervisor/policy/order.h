/*
 * The order in which the tests of a run start, and the seeded generator that
 * every random choice of the policy comes from.  Pure: the same seed gives the
 * same order and the same numbers on every machine.
 */
#ifndef POLICY_ORDER_H
#define POLICY_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The next number of the generator whose state is `*state`; any value is a good
 * seed.  splitmix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number
 * Generators", OOPSLA 2014; constants as in S. Vigna's public domain
 * splitmix64.c (2015).
 */
uint64_t	order_random(uint64_t *state);

/* A number in 0..bound-1, all equally likely; 0 for bound 0. */
uint32_t	order_below(uint64_t *state, uint32_t bound);

/*
 * Sets ret_order[rank] to the test of that rank for n tests: plan order, or
 * shuffled by `seed`.
 */
void		order_fill(uint32_t *ret_order, uint32_t n, bool shuffle, uint64_t seed);

#endif

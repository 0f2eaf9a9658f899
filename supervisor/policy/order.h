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

/*
 * The order by history, the slack rule: a test that takes at least 0.9 of what
 * remains a slot goes first, the longest of them before the others, since it would
 * else end after all the rest.  Where there is none the time is spent where a
 * failure is the most likely a second.
 *
 * Longer tests count as so long, that work sums up in 64 bits: 19 hours.
 */
#define ORDER_LENGTH_MAX	(UINT64_C(1) << 36)

uint64_t	order_length(uint64_t expected_us);

/* Places, the lowest first: by length, longest first; by the chance of a failure a
 * second, largest first (0 counts as a millionth).  A test that takes no time goes
 * before all in the second, behind all in the first. */
uint64_t	order_by_length(uint64_t expected_us);
uint64_t	order_by_rate(uint64_t expected_us, uint32_t fail_ppm);

/* What is placed lower by length goes first, while `work` microseconds remain for
 * `slots` slots (at least 1). */
uint64_t	order_slack(uint64_t work, uint32_t slots);

#endif

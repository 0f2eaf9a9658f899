/*
 * The orders of a search for tests that depend on it, and what came of each test in them.
 * Tests are numbered by the original order.
 */
#ifndef CTL_ORDER_RECORDS_H
#define CTL_ORDER_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

/* What a test did in one run. */
enum order_outcome { ORDER_NONE, ORDER_PASS, ORDER_FAIL };	/* NONE: no evidence */

struct order_list {
	uint32_t	*v, n;		/* tests */
};

struct order_record {
	uint32_t	*order;		/* tests */
	uint32_t	*place;		/* of each test */
	uint8_t		*outcome;	/* of each test, enum order_outcome */
	uint64_t	 seed;		/* 0: it is not drawn */
};

struct order_records {
	uint32_t	 ntests, most;	/* orders at the most */
	uint32_t	 n;		/* that were run */
	uint64_t	 seed;
	struct order_record *v;
};

/* A seed of 31 bits, which is easy to say and to type again: the `number`-th of a seed. */
uint64_t order_seed(uint64_t seed, uint32_t number);

/* Orders of so many tests: the original one, its reverse, and then drawn ones; no more
 * than there are different ones.  Dies without memory, as all of these. */
void	order_records_init(struct order_records *, uint32_t ntests, uint32_t most, uint64_t seed);
void	order_records_free(struct order_records *);

/* The next order, and what came of it by the place in it. */
const struct order_record *order_records_next(struct order_records *);
void	order_records_took(struct order_records *, const enum order_outcome *);

/* The order, from 1, in which the test did that behind the fewest others (`most`: behind
 * the most), and not as the first of all; 0: none. */
uint32_t order_records_choose(const struct order_records *, uint32_t test, enum order_outcome,
	    bool most);

/* Did it do that in an order in which not all of these are before it? */
bool	order_records_without(const struct order_records *, uint32_t test, enum order_outcome,
	    const struct order_list *);

/* The fewest tests, at least one, between the last of these, which are all before it in
 * their order, and the test, where it passed.  Owned by the caller; n 0: there are none. */
struct order_list order_records_between(const struct order_records *, uint32_t test,
		    const struct order_list *);

#endif

/*
 * Which tests depend on the order, and on which others: a search that says which tests to
 * run next, one after the other with one folder, and is told what came of them.  Nothing
 * in it runs, waits, draws or reads a clock.
 *
 *	ORDERS ── all were run ──► ALONE ── each test that ever failed ──► for each of them:
 *
 *	TRIAL ── it depends ──► REDUCE ──► VERIFY ──► CLEAN ──► CLEAN_VERIFY ──► over
 *	  `── it does not ──► over
 *
 * ORDERS: the original one, its reverse, and random ones.  TRIAL: the test alone against
 * the test behind those that were before it in an order in which it did otherwise, until
 * Fisher's exact test tells them apart (5, 20, 40 runs of each), and once more with another
 * such order where it does not; its error in all is at most ORDER_ALPHA.  REDUCE: ddmin over those before it.  While the test did in
 * TRIAL what it does every time, one run answers a try of ddmin; otherwise it is repeated
 * by a sequential probability ratio test (A. Wald, 1945), each of whose answers is wrong
 * with ORDER_PROBE_ERROR at most.  VERIFY: those found, with fresh runs.  CLEAN: of a
 * victim, in the same way, those between its polluters and it that make it pass again.
 */
#ifndef CTL_ORDER_SEARCH_H
#define CTL_ORDER_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/order_records.h"

#define ORDER_ORDERS		10	/* unless another number is given */
#define ORDER_ORDERS_MAX	1000
#define ORDER_RUNS_MAX		1000	/* runs of the whole search, likewise */
#define ORDER_ALPHA		0.01	/* chance to call a test dependent that is not */
#define ORDER_PROBE_ERROR	0.01	/* of a repeated try of ddmin */
#define ORDER_PROBE_RUNS	60	/* of it, at the most */

enum order_verdict {
	ORDER_OPEN,		/* not looked at yet */
	ORDER_VICTIM,		/* passes alone, fails after its polluters */
	ORDER_BRITTLE,		/* fails alone, passes after its state setters */
	ORDER_BROKEN,		/* failed in each order and alone */
	ORDER_FLAKY,		/* fails now and then, by no order that was found */
	ORDER_UNSURE,		/* it could not be settled: see `why` */
	ORDER_VERDICT_COUNT
};

enum order_why {
	ORDER_WHY_NONE,
	ORDER_WHY_ENDED,	/* no more runs, or no more time */
	ORDER_WHY_NO_RESULT,	/* it could not be run, or skipped, too often */
	ORDER_WHY_NOT_AGAIN,	/* what was found did not do it again */
};

enum order_kind { ORDER_KIND_ORDER, ORDER_KIND_ALONE, ORDER_KIND_TRIAL, ORDER_KIND_REDUCE,
	ORDER_KIND_VERIFY, ORDER_KIND_CLEAN };

/* What is to be run: these tests, in this order. */
struct order_probe {
	enum order_kind	 kind;
	uint32_t	 number;	/* of the order, from 1, of ORDER and TRIAL */
	uint32_t	 test;		/* that it is about, but of ORDER */
	uint64_t	 seed;
	uint32_t	*tests, n;
};

struct order_count {
	uint32_t	runs, fails;	/* that are evidence */
};

/* A test that failed at least once. */
struct order_finding {
	uint32_t	 test;
	enum order_verdict verdict;
	enum order_why	 why;
	struct order_count orders;	/* in the orders of the search */
	struct order_count alone;	/* alone, in TRIAL and before */
	struct order_count after;	/* behind all that were before it, in TRIAL */
	uint32_t	 order;		/* the order of that; 0: none */
	struct order_list  needs;	/* polluters, or state setters, in their order */
	struct order_count with;	/* behind these */
	double		 p;		/* Fisher, one-sided, of `with` against `alone`; of
					 * `after` against `alone` when there is no `with` */
	bool		 noisy;		/* tries were repeated */
	bool		 others;	/* it also did so in an order without these */
	struct order_list  cleaners;	/* n 0: none is known */
	struct order_count cleaned;	/* behind the polluters and these */
};

struct order_search;

/* Of n tests, named by their number in the original order.  runs_max: in all.  Dies
 * without memory, as everything here. */
struct order_search	*order_search_new(uint32_t n, uint32_t orders, uint32_t runs_max,
			    uint64_t seed);
void			 order_search_free(struct order_search *);

/* The next run, borrowed until the next call; NULL: it is over. */
const struct order_probe *order_search_next(struct order_search *);

/* What came of it, by the place in the probe. */
void	order_search_took(struct order_search *, const enum order_outcome *);

/* There is no time for more: what is open is unsure. */
void	order_search_stop(struct order_search *);

/* Did it end, by its bound or order_search_stop(), before it had asked all? */
bool	order_search_is_cut(const struct order_search *);

/* Findings in the original order of their tests, and how many; runs so far; orders that
 * were run. */
const struct order_finding *order_search_findings(const struct order_search *, size_t *ret_n);
uint32_t	order_search_runs(const struct order_search *);
uint32_t	order_search_orders(const struct order_search *);

/* Orders that it runs when nothing ends it: no more than there are. */
uint32_t	order_search_planned(const struct order_search *);

/* The seed of an order from 1; 0: it is not drawn. */
uint64_t	order_search_seed(const struct order_search *, uint32_t number);

const char	*order_verdict_name(enum order_verdict);

#endif

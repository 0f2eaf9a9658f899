/*
 * The look into one finding of the search: TRIAL, REDUCE, VERIFY, CLEAN, CLEAN_VERIFY, as
 * order_search.h tells of them.  order_search.c has the orders, each test alone, and which
 * finding's turn it is; this is for it alone.
 */
#ifndef CTL_ORDER_WORK_H
#define CTL_ORDER_WORK_H

#include "ctl/ddmin.h"
#include "ctl/order_search.h"

#define ORDER_EXACT_RUNS 5	/* of VERIFY, when a test has done the same each time */

enum order_stage { STAGE_TRIAL, STAGE_REDUCE, STAGE_VERIFY, STAGE_CLEAN, STAGE_CLEAN_VERIFY,
	STAGE_OVER };

/* The finding that is looked into. */
struct order_work {
	enum order_stage stage;
	unsigned	 look;
	bool		 decided;	/* what it is, if it depends: `order` is chosen */
	bool		 brittle;
	bool		 second;	/* this is the second order that is tried */
	bool		 again;		/* it was reduced a second time */
	bool		 clean_known;	/* all that is between makes it pass */
	struct order_list list;		/* what is reduced */
	struct ddmin	 dd;
	bool		 reducing;	/* dd has a try that waits for its answer */
	double		 llr;		/* of that try, and its runs */
	uint32_t	 tries;
	uint32_t	 none;
};

struct order_search {
	uint32_t	 n, runs, runs_max, nalone;
	struct order_records records;
	struct order_finding *findings;
	size_t		 nfindings, at;
	bool		 orders_over, over, cut;
	struct order_work work;
	struct order_probe probe;
};

/* Counts a run, unless it is no evidence. */
void	order_count_add(struct order_count *, enum order_outcome);

/* Sets the probe: these, those, and then the test of the finding. */
void	order_work_probe(struct order_search *, enum order_kind, const uint32_t *a, uint32_t na,
	    const uint32_t *b, uint32_t nb);

/* Sets the next probe of the finding that is looked into; false: it is settled. */
bool	order_work_next(struct order_search *);

/* What came of that probe, for the test of the finding. */
void	order_work_took(struct order_search *, enum order_outcome);

/* Frees what it has, and makes it ready for the next finding. */
void	order_work_free(struct order_work *);

#endif

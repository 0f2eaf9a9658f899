/*
 * What a search for tests that depend on the order came to, for people and for programs,
 * and the order that shows it again.
 */
#ifndef CTL_ORDER_REPORT_H
#define CTL_ORDER_REPORT_H

#include "ctl/order_search.h"
#include "ctl/plan.h"
#include "ctl/text.h"

struct order_report {
	const struct order_search *search;
	const struct plan	*plan;		/* the tests, in the original order */
	const char		*suites;	/* words that name them, as for a shell */
	const char		*file;		/* to write orders to, NULL: they are shown */
	uint64_t		 seed;		/* that all of them follow from */
	uint32_t		 runs_max;
	uint32_t		 no_result;	/* tests that skipped or could not be run */
	const char		*ended;		/* why it ended early, NULL: it did not */
};

/* The table, and one JSON document. */
void	order_report_text(const struct order_report *, struct text *);
void	order_report_json(const struct order_report *, struct text *);

/* Writes the order files that were asked for: of the second test that depends on the order
 * FILE.2, and so on.  0, or -errno with the name in `why`. */
int	order_report_write(const struct order_report *, char *why, size_t size);

/* 1 when some test depends on the order, else 0. */
int	order_report_code(const struct order_report *);

#endif

/*
 * Which tests of a plan are run.  Expressions in nextest's syntax, whose users
 * exist:
 *
 *	expr	  = expr (or | '|' | '+') expr | expr (and | '&') expr
 *		  | expr - expr | (not | '!') expr | ( expr ) | predicate
 *	predicate = name(M) tag(M) suite(M) command(M) source(M) serial()
 *		    all() none() | M alone, which is name(~M)
 *	M	  = =exact | ~contains | /regex/ | #glob ; without a mark: exact for
 *		    tag and suite, contains for the others
 */
#ifndef CTL_FILTER_H
#define CTL_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/plan.h"

struct filter;

/* NULL with an error of up to three lines in `why` (text, the expression, a
 * caret under the place) when it does not parse. */
struct filter	*filter_parse(const char *expr, char *why, size_t size);
void		 filter_free(struct filter *);
bool		 filter_match(const struct filter *, const struct plan_test *);

/* Keeps only the tests that match any of the n filters (n 0: all of them);
 * hits[i] counts the tests that filter i matched (may be NULL). */
void	plan_filter(struct plan *, struct filter *const *, size_t n, size_t *hits);

/* Keeps shard m of n (1 ≤ m ≤ n) by a stable hash of each test's name. */
void	plan_shard(struct plan *, unsigned m, unsigned n);

#endif

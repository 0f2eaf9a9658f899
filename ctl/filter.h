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
#include <stdint.h>

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

/* The same by time: expected_us[i] is that of test i.  Longest first into the part
 * with the least, ties by name, so that everybody who expects the same durations
 * gets the same parts, whatever the order of the tests. */
void	plan_shard_by_time(struct plan *, unsigned m, unsigned n, const uint64_t *expected_us);

/* Keeps the tests i with stays[i], in their order. */
void	plan_keep(struct plan *, const bool *stays);

#endif

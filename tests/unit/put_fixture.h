/* Parts of a plan as text, so that tests can say what they expect in a line. */
#ifndef TESTS_UNIT_PUT_FIXTURE_H
#define TESTS_UNIT_PUT_FIXTURE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "ctl/plan.h"

static inline void
put_list(FILE *f, const char *what, const struct strs *s)
{
	if (s->n == 0)
		return;
	(void)fprintf(f, " %s", what);
	for (size_t i = 0; i < s->n; i++)
		(void)fprintf(f, "[%s]", s->v[i]);
}

static inline void
put_number(FILE *f, const char *what, bool there, uint64_t value)
{
	if (there)
		(void)fprintf(f, " %s=%" PRIu64, what, value);
}

static inline void
put_retry(FILE *f, const struct plan_retry *r)
{
	put_number(f, "retry", r->has & PLAN_RETRY_COUNT, r->count);
	put_number(f, "delay", r->has & PLAN_RETRY_DELAY, r->delay_ms);
	put_number(f, "times", r->has & PLAN_RETRY_MULTIPLIER, r->multiplier_milli);
	put_number(f, "jitter", r->has & PLAN_RETRY_JITTER, r->jitter);
	put_number(f, "max", r->has & PLAN_RETRY_MAX, r->max_delay_ms);
	put_list(f, "on", &r->on);
	put_list(f, "never", &r->never);
	put_number(f, "where", r->has & PLAN_RETRY_WHERE, r->where);
}

#endif

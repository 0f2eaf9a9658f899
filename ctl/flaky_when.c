/* When a test fails; see flaky_when.h. */
#include <stdlib.h>

#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/flaky_attempt.h"
#include "ctl/flaky_stats.h"
#include "ctl/flaky_when.h"

#define NEAR_MS		500	/* before its start and after its end */
#define LOOKED_AT	64	/* failures near one attempt, of all tests */

struct moment {
	uint64_t			 ms;
	const struct test_result	*test;
};

struct flaky_moments {
	struct moment	*v;
	size_t		 n, cap;
};

static int
by_time(const void *a, const void *b)
{
	const struct moment	*x = a, *y = b;

	return x->ms < y->ms ? -1 : x->ms > y->ms;
}

static void
add(struct flaky_moments *m, const struct test_result *t, const struct attempt_result *a)
{
	if (m->n == m->cap) {
		m->cap = m->cap > 0 ? m->cap * 2 : 64;
		m->v = xreallocarray(m->v, m->cap, sizeof *m->v);
	}
	m->v[m->n++] = (struct moment){ a->end_ms, t };
}

struct flaky_moments *
flaky_moments_of(const struct results *r)
{
	struct flaky_moments	*m = xcalloc(1, sizeof *m);

	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++) {
		const struct test_result	*t = &r->tests[i];

		if (t->flake.passes == 0)
			continue;
		for (size_t k = 0; k < flaky_attempts(t); k++) {
			if (flaky_is_failure(&attempts_of(t)[k]))
				add(m, t, &attempts_of(t)[k]);
		}
	}
	if (m->n > 0)
		qsort(m->v, m->n, sizeof *m->v, by_time);
	return m;
}

void
flaky_moments_free(struct flaky_moments *m)
{
	free(m->v);
	free(m);
}

/* Did another test fail while this attempt ran, or shortly before or after? */
static bool
others_failed(const struct flaky_moments *m, const struct test_result *t,
    const struct attempt_result *a)
{
	uint64_t	from = a->start_ms > NEAR_MS ? a->start_ms - NEAR_MS : 0;
	size_t		low = 0, high = m->n;

	while (low < high) {
		size_t	mid = low + (high - low) / 2;

		if (m->v[mid].ms < from)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = low; i < m->n && i < low + LOOKED_AT && m->v[i].ms <= a->end_ms + NEAR_MS;
	    i++) {
		if (m->v[i].test != t)
			return true;
	}
	return false;
}

/* Did most of the failures come under one changed condition? */
static bool
has_one_condition(const struct flaky_evidence *e, size_t fails)
{
	for (unsigned c = FLAKE_PLAIN + 1; c < FLAKE_CONDITION_COUNT; c++) {
		if (e->at[c].fails * 2 > fails)
			return true;
	}
	return false;
}

void
flaky_when(const struct flaky_moments *m, const struct test_result *t, struct flaky_evidence *e)
{
	uint64_t	*at = xcalloc(t->nattempts + 1, sizeof *at), n = 0, runs = 0;
	size_t		 fails = 0, plain_fails = 0, plain = 0;
	bool		 failed, before = false;

	for (size_t i = 0; i < flaky_attempts(t); i++) {
		const struct attempt_result	*a = &attempts_of(t)[i];
		struct flaky_condition		*c;

		if (!flaky_is_evidence(a))
			continue;
		failed = flaky_is_failure(a);
		if (failed)
			at[fails++] = n;
		n++;
		if (flaky_condition_of(a) != FLAKE_PLAIN)
			continue;
		runs += plain == 0 || failed != before;
		before = failed;
		plain++;
		plain_fails += failed;
		c = others_failed(m, t, a) ? &e->beside : &e->apart;
		c->runs++;
		c->fails += failed;
	}
	e->stretches = stats_runs(plain_fails, plain - plain_fails, runs);
	/* Conditions that come in turn make a rhythm, too. */
	e->rhythm = has_one_condition(e, fails) ? 1 : stats_rhythm(at, fails, n);
	free(at);
}

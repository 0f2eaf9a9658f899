/* When a test fails; see flaky_when.h. */
#include <stdlib.h>

#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/flaky_attempt.h"
#include "ctl/flaky_clock.h"
#include "ctl/flaky_stats.h"
#include "ctl/flaky_when.h"

#define NEAR_MS		500	/* before its start and after its end */
#define SPELL_MS	250	/* after a failure, that may have one reason with it */
#define LOOKED_AT	64	/* failures near one attempt, of all tests */

struct moment {
	uint64_t			 ms;
	const struct test_result	*test;
};

/* Plain attempts, and how often what they do changes. */
struct rows {
	struct flaky_condition all;
	uint64_t	n;
	bool		before;
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

static double
contrast_p(const struct flaky_contrast *c)
{
	return stats_fisher(STATS_MORE, c->seen.fails, c->seen.runs - c->seen.fails,
	    c->against.fails, c->against.runs - c->against.fails);
}

/* The clock, by the first attempt of each spell: those soon after a failure may be in it,
 * whatever they are run under. */
static void
find_hour(const struct test_result *t, struct flaky_evidence *e)
{
	uint64_t			*ms = xcalloc(t->nattempts + 1, sizeof *ms);
	bool				*failed = xcalloc(t->nattempts + 1, sizeof *failed);
	const struct attempt_result	*before = NULL;
	size_t				 n = 0;

	for (size_t i = 0; i < flaky_attempts(t); i++) {
		const struct attempt_result	*a = &attempts_of(t)[i];

		if (!flaky_is_evidence(a) || a->start_ms == 0 ||
		    flaky_condition_of(a) == FLAKE_CLOCK)
			continue;
		if (before == NULL || !flaky_is_failure(before) ||
		    a->start_ms > before->end_ms + SPELL_MS) {
			failed[n] = flaky_is_failure(a);
			ms[n++] = a->start_ms;
		}
		before = a;
	}
	flaky_clock(ms, failed, n, &e->clock);
	free(ms);
	free(failed);
}

/* Every so many attempts?  Where there were copies beside it nobody has counted, so that it
 * is the longest part without them.  Conditions that come in turn make a rhythm, too. */
static double
rhythm_of(const struct test_result *t, const struct flaky_evidence *e)
{
	uint64_t	*at = xcalloc(t->nattempts + 1, sizeof *at);
	size_t		 from = 0, best = 0, best_n = 0, n = 0, fails = 0, all = 0;
	double		 p;

	for (size_t i = 0; i < flaky_attempts(t); i++) {
		const struct attempt_result	*a = &attempts_of(t)[i];

		all += flaky_is_failure(a);
		if (flaky_condition_of(a) == FLAKE_COPIES)
			from = i + 1;
		if (i + 1 - from > best_n) {
			best = from;
			best_n = i + 1 - from;
		}
	}
	for (size_t i = best; i < best + best_n; i++) {
		const struct attempt_result	*a = &attempts_of(t)[i];

		if (!flaky_is_evidence(a))
			continue;
		if (flaky_is_failure(a))
			at[fails++] = n;
		n++;
	}
	p = has_one_condition(e, all) ? 1 : stats_rhythm(at, fails, n);
	free(at);
	return p;
}

/* A plain attempt.  Of a test that fails by chance one right after a failure fails as often
 * as any other; a spell, or what is left behind, is still there.  The scheduler makes such
 * attempts (policy/detect.c).  They make failures in a row, but no stretch of them. */
static void
count_plain(const struct flaky_moments *m, const struct test_result *t,
    const struct attempt_result *before, const struct attempt_result *a, struct flaky_evidence *e,
    struct rows *r)
{
	bool			 failed = flaky_is_failure(a), again = flaky_is_again(before, a);
	struct flaky_condition	*c = again ? &e->again.seen : &e->again.against;

	c->runs++;
	c->fails += failed;
	if (again)
		return;
	r->n += r->all.runs == 0 || failed != r->before;
	r->before = failed;
	r->all.runs++;
	r->all.fails += failed;
	c = others_failed(m, t, a) ? &e->beside : &e->apart;
	c->runs++;
	c->fails += failed;
}

void
flaky_when(const struct flaky_moments *m, const struct test_result *t, struct flaky_evidence *e)
{
	const struct attempt_result	*before = NULL;
	struct rows			 r = { .n = 0 };

	e->again = (struct flaky_contrast){ .p = 1 };
	for (size_t i = 0; i < flaky_attempts(t); i++) {
		const struct attempt_result	*a = &attempts_of(t)[i];

		if (!flaky_is_evidence(a))
			continue;
		if (flaky_condition_of(a) == FLAKE_PLAIN)
			count_plain(m, t, before, a, e, &r);
		before = a;
	}
	e->stretches = stats_runs(r.all.fails, r.all.runs - r.all.fails, r.n);
	e->rhythm = rhythm_of(t, e);
	e->again.p = contrast_p(&e->again);
	find_hour(t, e);
}

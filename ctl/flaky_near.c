/* What ran before and beside failures; see flaky_near.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/attempts.h"
#include "ctl/flaky_attempt.h"
#include "ctl/flaky_near.h"
#include "ctl/flaky_stats.h"

#define CANDIDATES	40	/* tests after which it seems to fail, and as many others */
#define BESIDE		64	/* attempts that began before one, of which the end is looked at */
#define COST_MAX	UINT64_C(200000000)	/* steps for one test; then it takes too long */
#define FEW		3	/* failures, of which nothing is concluded */
#define NEVER		UINT32_MAX

struct step {
	uint64_t	start_ms, end_ms;
	uint32_t	test;
	bool		failed;
	bool		again;		/* at once after a failure: it ends, and is not looked at */
	enum flake_condition condition;
};

struct flaky_trail {
	struct step	*starts, *ends;	/* the same ones, by either */
	size_t		 n;
	uint32_t	 ntests;
	uint32_t	*final;		/* of each test: which end is its last */
	uint64_t	 until_ms;	/* half of the tests start no more after it */
};

static int
by_start(const void *a, const void *b)
{
	const struct step	*x = a, *y = b;

	return x->start_ms < y->start_ms ? -1 : x->start_ms > y->start_ms;
}

static int
by_end(const void *a, const void *b)
{
	const struct step	*x = a, *y = b;

	return x->end_ms < y->end_ms ? -1 : x->end_ms > y->end_ms;
}

static size_t
add_steps(struct step *to, const struct test_result *t, uint32_t test)
{
	const struct attempt_result	*a = attempts_of(t);
	const struct attempt_result	*before = NULL;
	size_t				 n = 0;

	for (size_t i = 0; i < flaky_attempts(t); i++) {
		if (!flaky_is_evidence(&a[i]))
			continue;
		to[n++] = (struct step){ .start_ms = a[i].start_ms, .end_ms = a[i].end_ms,
		    .test = test, .failed = flaky_is_failure(&a[i]),
		    .condition = flaky_condition_of(&a[i]),
		    .again = flaky_is_again(before, &a[i]) };
		before = &a[i];
	}
	return n;
}

static int
by_time(const void *a, const void *b)
{
	const uint64_t	*x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What runs at the end of a run runs beside few others, and finds what was left as it is. */
static uint64_t
until(const struct flaky_trail *v)
{
	uint64_t	*last = xcalloc(v->ntests + 1, sizeof *last), ms;

	for (size_t i = 0; i < v->n; i++)
		last[v->starts[i].test] = v->starts[i].start_ms;
	qsort(last, v->ntests, sizeof *last, by_time);
	ms = last[v->ntests / 2];
	free(last);
	return ms;
}

struct flaky_trail *
flaky_trail_of(const struct results *r)
{
	struct flaky_trail	*v = xcalloc(1, sizeof *v);
	size_t			 cap = 0;

	v->ntests = (uint32_t)r->total;
	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++)
		cap += r->tests[i].nattempts;
	v->starts = xcalloc(cap + 1, sizeof *v->starts);
	v->ends = xcalloc(cap + 1, sizeof *v->ends);
	for (uint64_t i = 0; r->tests != NULL && i < r->total; i++)
		v->n += add_steps(v->starts + v->n, &r->tests[i], (uint32_t)i);
	for (size_t i = 0; i < v->n; i++)
		v->ends[i] = v->starts[i];
	if (v->n > 0) {
		qsort(v->starts, v->n, sizeof *v->starts, by_start);
		qsort(v->ends, v->n, sizeof *v->ends, by_end);
		v->until_ms = until(v);
	}
	v->final = xcalloc(v->ntests + 1, sizeof *v->final);
	for (size_t i = 0; i < v->n; i++)
		v->final[v->ends[i].test] = (uint32_t)i;
	return v;
}

void
flaky_trail_free(struct flaky_trail *v)
{
	if (v != NULL) {
		free(v->starts);
		free(v->ends);
		free(v->final);
	}
	free(v);
}

/* ---- before ---- */

/* Where each test ended last, of all ends up to now; what to do at each start of `test`. */
struct walk {
	const struct flaky_trail *trail;
	uint32_t	 test;
	uint32_t	*last;		/* index of its end, NEVER: none yet */
	uint32_t	 now;		/* ends so far */
	uint32_t	 own;		/* last[test] before its newest attempt */
};

typedef void	at_start(void *arg, const struct walk *, const struct step *);

static void
walk(struct walk *w, at_start *fn, void *arg)
{
	const struct flaky_trail	*v = w->trail;

	for (uint32_t j = 0; j < v->ntests; j++)
		w->last[j] = NEVER;
	w->now = 0;
	for (size_t i = 0; i < v->n; i++) {
		if (v->starts[i].test != w->test || v->starts[i].again ||
		    v->starts[i].start_ms > v->until_ms)
			continue;
		for (; w->now < v->n && v->ends[w->now].end_ms <= v->starts[i].start_ms; w->now++)
			w->last[v->ends[w->now].test] = w->now;
		w->own = w->last[w->test];
		fn(arg, w, &v->starts[i]);
	}
}

/* So many ends ago; NEVER: not so far, or the test is over, for a round of all. */
static uint32_t
ago(const struct walk *w, uint32_t test)
{
	if (w->last[test] == NEVER || w->now > w->trail->final[test] + w->trail->ntests)
		return NEVER;
	return w->now - w->last[test];
}

/* Of one other test: how long ago it ended, in sums over the attempts. */
struct distance {
	double	runs, fails, sum, squares, failing;
};

static void
add_distances(void *arg, const struct walk *w, const struct step *s)
{
	struct distance	*d = arg;

	for (uint32_t j = 0; j < w->trail->ntests; j++) {
		double	n = ago(w, j);

		if (j == w->test || ago(w, j) == NEVER)
			continue;
		d[j].runs++;
		d[j].fails += s->failed;
		d[j].sum += n;
		d[j].squares += n * n;
		d[j].failing += s->failed ? n : 0;
	}
}

/* Deviations of the mean before failures from that of so many drawn from all. */
static double
deviation(const struct distance *d)
{
	double	mean = d->sum / d->runs, variance;

	if (!(d->fails >= FEW) || !(d->runs - d->fails >= FEW))
		return 0;
	variance = (d->squares / d->runs - mean * mean) * d->fails * (d->runs - d->fails) /
	    (d->runs - 1);
	return variance > 0 ? (d->failing - d->fails * mean) / sqrt(variance) : 0;
}

/* Tests that ended shortly before failures, then those that did before passes. */
struct candidates {
	uint32_t	v[2 * CANDIDATES];
	double		by[2 * CANDIDATES];
	/* Of each condition, for the test of which nothing is uneven then.  Row 0: the first was
	 * the last; of a test with itself: it ran since the test's own last attempt. */
	struct stats_table pair[2 * CANDIDATES][2 * CANDIDATES][FLAKE_CONDITION_COUNT];
};

static void
enter(struct candidates *c, size_t from, uint32_t test, double by)
{
	size_t	i = from + CANDIDATES - 1;

	if (!(by > c->by[i]))
		return;
	for (; i > from && by > c->by[i - 1]; i--) {
		c->v[i] = c->v[i - 1];
		c->by[i] = c->by[i - 1];
	}
	c->v[i] = test;
	c->by[i] = by;
}

static void
count_pairs(void *arg, const struct walk *w, const struct step *s)
{
	struct candidates	*c = arg;

	for (size_t i = 0; i < 2 * CANDIDATES; i++) {
		uint32_t	a = c->by[i] > 0 ? ago(w, c->v[i]) : NEVER, b;

		for (size_t k = 0; k < 2 * CANDIDATES && a != NEVER; k++) {
			struct stats_table	*v = &c->pair[i][k][s->condition];
			unsigned		 row;

			if (i != k && !(c->by[k] > 0))
				continue;
			b = i == k ? (w->own == NEVER ? NEVER : w->now - w->own) : ago(w, c->v[k]);
			if (b == NEVER)
				continue;
			row = a < b ? 0 : 1;
			v->rows[row].runs++;
			v->rows[row].fails += s->failed;
		}
	}
}

static struct flaky_contrast
sum_of(const struct stats_table t[FLAKE_CONDITION_COUNT])
{
	struct flaky_contrast	v = { .p = 1 };

	for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++) {
		v.seen.runs += t[c].rows[0].runs;
		v.seen.fails += t[c].rows[0].fails;
		v.against.runs += t[c].rows[1].runs;
		v.against.fails += t[c].rows[1].fails;
	}
	return v;
}

static void
take(const struct candidates *c, size_t i, size_t k, const struct results *r, uint64_t total,
    struct flaky_near *best)
{
	struct flaky_contrast	v = sum_of(c->pair[i][k]);
	bool	less = v.seen.fails * v.against.runs < v.against.fails * v.seen.runs;
	double	looks = (double)total * (i == k ? 2 : (double)total - 1);

	if (v.seen.runs == 0 || v.against.runs == 0 || (less && i != k)) /* the other way round */
		return;
	v.p = looks * stats_tables(less ? STATS_LESS : STATS_MORE, c->pair[i][k],
	    FLAKE_CONDITION_COUNT);
	if (v.p >= (best->v.seen.runs > 0 ? best->v.p : 1))
		return;
	*best = (struct flaky_near){ .test = r->tests[c->v[i]].name,
	    .not = i == k ? NULL : r->tests[c->v[k]].name, .less = less, .v = v };
}

static void
look_before(const struct flaky_trail *v, const struct results *r, uint32_t test,
    struct flaky_near *ret)
{
	struct walk		 w = { .trail = v, .test = test };
	struct distance		*d = xcalloc(v->ntests, sizeof *d);
	struct candidates	*c = xcalloc(1, sizeof *c);

	w.last = xcalloc(v->ntests, sizeof *w.last);
	walk(&w, add_distances, d);
	for (uint32_t j = 0; j < v->ntests; j++) {
		enter(c, 0, j, -deviation(&d[j]));
		enter(c, CANDIDATES, j, deviation(&d[j]));
	}
	walk(&w, count_pairs, c);
	for (size_t i = 0; i < 2 * CANDIDATES; i++) {
		for (size_t k = 0; k < 2 * CANDIDATES; k++)
			take(c, i, k, r, v->ntests, ret);
	}
	free(w.last);
	free(d);
	free(c);
}

/* ---- beside ---- */

/* Of each other test: by conditions, row 0 the attempts of the test beside which it ran, row 1
 * those beside which it did not. */
typedef struct stats_table	beside_tables[FLAKE_CONDITION_COUNT];

struct besides {
	const struct flaky_trail *v;
	uint64_t	 span_ms;	/* from its start on that one is beside an attempt */
	beside_tables	*of;
	size_t		*seen;		/* of each test: the attempt that it was last beside, plus 1 */
	struct stats_table all[FLAKE_CONDITION_COUNT];	/* row 0: all attempts */
};

/* As long as it takes to pass, the median.  Longer ones have no more beside them for that. */
static uint64_t
span_of(const struct flaky_trail *v, uint32_t test)
{
	uint64_t	*took = xcalloc(v->n + 1, sizeof *took), ms;
	size_t		 n = 0;

	for (size_t i = 0; i < v->n; i++) {
		if (v->starts[i].test == test && !v->starts[i].failed)
			took[n++] = v->starts[i].end_ms - v->starts[i].start_ms;
	}
	qsort(took, n, sizeof *took, by_time);
	ms = took[n / 2];
	free(took);
	return ms > 0 ? ms : 1;
}

static void
count(struct stats_table *t, bool failed)
{
	t->rows[0].runs++;
	t->rows[0].fails += failed;
}

static void
count_beside(struct besides *b, size_t at)
{
	const struct step	*s = &b->v->starts[at], *o;
	size_t			 i = at > BESIDE ? at - BESIDE : 0;

	count(&b->all[s->condition], s->failed);
	for (; i < b->v->n && b->v->starts[i].start_ms < s->start_ms + b->span_ms; i++) {
		o = &b->v->starts[i];
		if (o->test == s->test || o->end_ms <= s->start_ms || b->seen[o->test] == at + 1)
			continue;
		b->seen[o->test] = at + 1;
		count(&b->of[o->test][s->condition], s->failed);
	}
}

static void
look_beside(const struct flaky_trail *v, const struct results *r, uint32_t test,
    struct flaky_near *ret)
{
	struct besides		 b = { .v = v, .span_ms = span_of(v, test) };
	struct flaky_contrast	 k;

	b.of = xcalloc(v->ntests, sizeof *b.of);
	b.seen = xcalloc(v->ntests, sizeof *b.seen);
	for (size_t i = 0; i < v->n; i++) {
		if (v->starts[i].test == test && !v->starts[i].again &&
		    v->starts[i].start_ms <= v->until_ms)
			count_beside(&b, i);
	}
	for (uint32_t j = 0; j < v->ntests; j++) {
		for (unsigned c = 0; c < FLAKE_CONDITION_COUNT; c++) {
			b.of[j][c].rows[1].runs = b.all[c].rows[0].runs - b.of[j][c].rows[0].runs;
			b.of[j][c].rows[1].fails = b.all[c].rows[0].fails - b.of[j][c].rows[0].fails;
		}
		k = sum_of(b.of[j]);
		if (k.seen.fails < FEW || k.against.runs == 0)
			continue;
		k.p = (double)v->ntests * stats_tables(STATS_MORE, b.of[j], FLAKE_CONDITION_COUNT);
		if (k.p < (ret->v.seen.runs > 0 ? ret->v.p : 1))
			*ret = (struct flaky_near){ .test = r->tests[j].name, .v = k };
	}
	free(b.of);
	free(b.seen);
}

void
flaky_near(const struct flaky_trail *v, const struct results *r, uint64_t index,
    struct flaky_evidence *e)
{
	e->after = e->along = (struct flaky_near){ .test = NULL };
	if (v->ntests < 2 || r->tests[index].nattempts * (uint64_t)v->ntests > COST_MAX)
		return;
	look_before(v, r, (uint32_t)index, &e->after);
	look_beside(v, r, (uint32_t)index, &e->along);
}

/*
 * The results of a test that are evidence, for FLAKY; see query_flaky.h.
 *
 * All that is asked of a pass is in an index, in the order of time; only failures are
 * looked up.  Runs and environment events are few, and in memory.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/flake.h"
#include "common/history.h"
#include "common/outcome.h"
#include "store/query_flaky.h"
#include "store/storm.h"

#define NO_EVIDENCE	(RUN_MARK_BREAKER | RUN_MARK_MASS | RUN_MARK_SHARED)
#define DAY_MS		UINT64_C(86400000)

struct flaky_run {
	int64_t		id;
	uint64_t	marks, revision;	/* revision: equal ones have the same, 0: none */
	size_t		storm, storms;		/* its first, and how many */
};

struct flaky_storm {
	uint64_t	from_ms, to_ms;
};

/* ---- the runs ---- */

#define RUNS(whose)	"SELECT id, marks, revision FROM runs WHERE " whose " ORDER BY id"
#define STORMS(whose)	"SELECT run, from_ms, to_ms FROM storms WHERE run IN"	\
			" (SELECT id FROM runs WHERE " whose ") ORDER BY run, from_ms"

/* Room for one more of `size` bytes. */
static void *
grow(void *v, size_t n, size_t *cap, size_t size)
{
	size_t	 want = *cap == 0 ? 64 : *cap * 2;
	void	*p;

	if (n < *cap)
		return v;
	p = reallocarray(v, want, size);
	if (p != NULL)
		*cap = want;
	return p;
}

static int
take_run(struct flaky_scan *s, sqlite3_stmt *st)
{
	struct flaky_run	*v = grow(s->runs, s->nruns, &s->runs_cap, sizeof *v);
	struct sv		 revision = query_sv(st, 2);

	if (v == NULL)
		return -ENOMEM;
	s->runs = v;
	v[s->nruns++] = (struct flaky_run){ .id = sqlite3_column_int64(st, 0),
	    .marks = query_u64(st, 1), .revision = revision.n > 0 ? storm_hash(revision) : 0 };
	s->revisions |= revision.n > 0;
	return 0;
}

static struct flaky_run *
run_of(const struct flaky_scan *s, int64_t id)
{
	size_t	low = 0, high = s->nruns;

	while (low < high) {
		size_t	mid = low + (high - low) / 2;

		if (s->runs[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->nruns && s->runs[low].id == id ? &s->runs[low] : NULL;
}

static int
take_storm(struct flaky_scan *s, sqlite3_stmt *st)
{
	struct flaky_storm	*v = grow(s->storms, s->nstorms, &s->storms_cap, sizeof *v);
	struct flaky_run	*run = run_of(s, sqlite3_column_int64(st, 0));

	if (v == NULL)
		return -ENOMEM;
	s->storms = v;
	if (run == NULL)
		return 0;
	if (run->storms++ == 0)
		run->storm = s->nstorms;
	v[s->nstorms++] = (struct flaky_storm){ query_u64(st, 1), query_u64(st, 2) };
	return 0;
}

static int
take_all(struct flaky_scan *s, const char *sql, int (*take)(struct flaky_scan *, sqlite3_stmt *))
{
	sqlite3_stmt	*st = NULL;
	int		 r = query_prepare(s->q, sql, &st);

	while (r == 0 && (r = query_step(st)) == 1)
		r = take(s, st);
	(void)sqlite3_finalize(st);
	return r;
}

int
query_evidence_open(struct flaky_scan *s)
{
	bool	root = s->q->uid == 0;
	int	r = take_all(s, root ? RUNS("?1 = 0") : RUNS("uid = ?1"), take_run);

	return r != 0 ? r : take_all(s, root ? STORMS("?1 = 0") : STORMS("uid = ?1"), take_storm);
}

/* Was something wrong with all tests of the run then? */
static bool
in_storm(const struct flaky_scan *s, const struct flaky_run *run, uint64_t at_ms)
{
	for (size_t i = run->storm; i < run->storm + run->storms; i++) {
		if (at_ms >= s->storms[i].from_ms && at_ms <= s->storms[i].to_ms)
			return true;
	}
	return false;
}

/* ---- one test ---- */

#define TEXT_(x)	#x
#define TEXT(x)		TEXT_(x)

static const char list_sql[] =
	"SELECT start_ms, run, idx, attempt, outcome FROM attempts WHERE test = ?2"
	" AND start_ms >= ?3 AND outcome BETWEEN ?4 AND ?5 AND condition = ?6"
	" ORDER BY start_ms DESC LIMIT " TEXT(KNOWN_RESULTS);

/* With the wait before the next attempt. */
static const char failure_sql[] =
	"SELECT duration_us, coalesce(end_ms, start_ms), fingerprint,"
	" (SELECT delay_ms FROM attempts WHERE run = ?2 AND idx = ?3 AND attempt = ?4 + 1)"
	" FROM attempts WHERE run = ?2 AND idx = ?3 AND attempt = ?4";

static const char spec_sql[] = "SELECT spec FROM run_tests WHERE run = ?2 AND idx = ?3";

int
evidence_open(struct evidence *e, struct flaky_scan *scan)
{
	struct query	*q = scan->q;
	int		 r;

	e->scan = scan;
	e->list = e->failure = e->spec = NULL;
	r = query_prepare(q, list_sql, &e->list);
	if (r == 0)
		r = query_prepare(q, failure_sql, &e->failure);
	if (r == 0)
		r = query_prepare(q, spec_sql, &e->spec);
	return r;
}

void
evidence_close(struct evidence *e)
{
	(void)sqlite3_finalize(e->list);
	(void)sqlite3_finalize(e->failure);
	(void)sqlite3_finalize(e->spec);
}

static bool
is_before(const struct known_result *a, const struct known_result *b)
{
	if (a->run != b->run)
		return a->run < b->run;
	return a->index != b->index ? a->index < b->index : a->attempt < b->attempt;
}

/* From the newest first to the order of runs.  They come by time, which is that order
 * but where runs overlap, so that each finds its place near the end. */
static void
sort(struct known_result *v, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct known_result	x = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = x;
	}
	for (size_t i = 1; i < n; i++) {
		struct known_result	x = v[i];
		size_t			k = i;

		for (; k > 0 && is_before(&x, &v[k - 1]); k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

static void
bind_list(struct evidence *e, int64_t test, enum outcome first)
{
	(void)sqlite3_bind_int64(e->list, 2, test);
	(void)sqlite3_bind_int64(e->list, 3, e->scan->m->since_ms < INT64_MAX ?
	    (int64_t)e->scan->m->since_ms : INT64_MAX);
	(void)sqlite3_bind_int64(e->list, 4, first);
	(void)sqlite3_bind_int64(e->list, 5, OUTCOME_OOM);
	(void)sqlite3_bind_int64(e->list, 6, FLAKE_PLAIN);
}

/* The next of the list that is evidence, as far as its start says.  As query_step(). */
static int
next_of(struct evidence *e, const struct flaky_run **run, struct known_result *v)
{
	sqlite3_stmt	*st = e->list;
	int		 r;

	while ((r = query_step(st)) == 1) {
		*v = (struct known_result){ .start_ms = query_u64(st, 0),
		    .run = sqlite3_column_int64(st, 1), .index = (uint32_t)query_u64(st, 2),
		    .attempt = (uint32_t)query_u64(st, 3),
		    .failures = query_u64(st, 4) != OUTCOME_PASS };
		if (*run == NULL || (*run)->id != v->run)
			*run = run_of(e->scan, v->run);
		if (*run != NULL && ((*run)->marks & NO_EVIDENCE) == 0 &&
		    !in_storm(e->scan, *run, v->start_ms))
			return 1;
	}
	return r;
}

int
evidence_count(struct evidence *e, int64_t test, int most)
{
	const struct flaky_run	*run = NULL;
	struct known_result	 v;
	int			 n = 0, r = 1;

	bind_list(e, test, OUTCOME_PASS + 1);
	while (n < most && (r = next_of(e, &run, &v)) == 1)
		n++;
	(void)sqlite3_reset(e->list);
	return r < 0 ? r : n;
}

/* The newest of them, the newest first. */
static int
read_list(struct evidence *e, int64_t test)
{
	const struct flaky_run	*run = NULL;
	int			 r = 0;

	bind_list(e, test, OUTCOME_PASS);
	while (e->n < KNOWN_RESULTS && (r = next_of(e, &run, &e->v[e->n])) == 1) {
		e->failed |= e->v[e->n].failures > 0;
		e->passed |= e->v[e->n].failures == 0;
		e->n++;
	}
	(void)sqlite3_reset(e->list);
	return r < 0 ? r : 0;
}

/* What is to be known of a failure.  It may have ended in an event: then it is none, and
 * `failures` is 0 and `attempt` too. */
static int
look_up(struct evidence *e, struct known_result *v)
{
	const struct flaky_run	*run = run_of(e->scan, v->run);
	sqlite3_stmt		*st = e->failure;
	int			 r;

	(void)sqlite3_bind_int64(st, 2, v->run);
	(void)sqlite3_bind_int64(st, 3, v->index);
	(void)sqlite3_bind_int64(st, 4, v->attempt);
	r = query_step(st);
	if (r == 1 && run != NULL) {
		v->end_ms = query_u64(st, 1);
		v->print = query_u64(st, 2);
		if (in_storm(e->scan, run, v->end_ms))
			v->failures = v->attempt = 0;
		else if (sqlite3_column_type(st, 3) != SQLITE_NULL && !(run->marks & RUN_MARK_DETECTS) &&
		    v->start_ms + FLAKY_LOST_DAYS * DAY_MS >= e->scan->now_ms)
			e->lost_us += query_u64(st, 0) + query_u64(st, 3) * 1000;
	}
	(void)sqlite3_reset(st);
	return r < 0 ? r : 0;
}

int
evidence_of(struct evidence *e, int64_t test)
{
	size_t	kept = 0;
	int	r;

	e->n = 0;
	e->lost_us = 0;
	e->failed = e->passed = false;
	r = read_list(e, test);
	if (r != 0 || !e->failed || !e->passed) {
		e->n = 0;
		return r;
	}
	sort(e->v, e->n);
	e->failed = false;
	for (size_t i = 0; i < e->n && r == 0; i++) {
		if (e->v[i].failures > 0)
			r = look_up(e, &e->v[i]);
		if (e->v[i].attempt == 0)
			continue;
		e->failed |= e->v[i].failures > 0;
		e->v[kept++] = e->v[i];
	}
	e->n = e->failed ? kept : 0;
	return r;
}

/* ---- what two results say ---- */

static int64_t
spec_of(struct evidence *e, const struct known_result *v)
{
	sqlite3_stmt	*st = e->spec;
	int64_t		 spec = 0;

	(void)sqlite3_bind_int64(st, 2, v->run);
	(void)sqlite3_bind_int64(st, 3, v->index);
	if (query_step(st) == 1)
		spec = sqlite3_column_int64(st, 0);
	(void)sqlite3_reset(st);
	return spec;
}

double
evidence_weight(void *evidence, const struct known_result *a, const struct known_result *b)
{
	struct evidence		*e = evidence;
	const struct flaky_run	*x = run_of(e->scan, a->run), *y = run_of(e->scan, b->run);

	if (x == NULL || y == NULL || (x->revision != 0 && y->revision != 0 &&
	    x->revision != y->revision))
		return 0;
	if (a->run != b->run && spec_of(e, a) != spec_of(e, b))
		return 0;
	return x->revision != 0 && y->revision != 0 ? FLAKINESS_SURE : FLAKINESS_VAGUE;
}

/* The tests that METRICS is about, and their sum; see query_metrics.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/outcome.h"
#include "store/query_metrics.h"

#define SQL_MAX	1024

/* ---- which ones ---- */

enum {
	COL_ID, COL_NAME, COL_ATTEMPTS, COL_PASSES, COL_FLAKY, COL_TOTAL, COL_WASTED, COL_LAST_MS,
	COL_NEWEST, COL_LAST, COL_INDEX = COL_LAST + 9
};

#define TESTS	"SELECT t.id, t.name, t.attempts, t.passes, t.flaky, t.total_us, t.wasted_us," \
	" t.last_ms, t.newest"
/* An attempt in the run, as a struct recent_row would have it. */
#define IN_RUN	", a.start_ms, a.duration_us, a.cpu_us,"				\
	" iif(a.tree_peak_bytes > 0, a.tree_peak_bytes, a.max_rss_bytes), a.output_bytes,"	\
	" a.max_rss_bytes, a.outcome, a.processes, a.sessions, a.idx"	\
	" FROM attempts a CROSS JOIN tests t ON t.id = a.test WHERE a.run = ?4 AND "

/* The condition on `tests t`. */
static const char *
condition(const struct metrics *ms, char buf[128])
{
	const struct msg_metrics	*m = ms->m;

	(void)snprintf(buf, 128, "%s%s%s", ms->q->uid == 0 ? "?1 = 0" : "t.uid = ?1",
	    m->test.n > 0 ? " AND t.name = ?2" : "",
	    m->suite.n > 0 || MSG_HAS(m, metrics, suite) ? " AND t.suite = ?3" : "");
	return buf;
}

/* The tests, or with a run the attempts in it, those of a test one after the other. */
static int
prepare(const struct metrics *ms, sqlite3_stmt **ret)
{
	char	text[SQL_MAX], where[128];
	int	r;

	(void)snprintf(text, sizeof text, TESTS "%s%s%s", ms->run != 0 ? IN_RUN :
	    " FROM tests t WHERE ", condition(ms, where),
	    ms->run != 0 ? " ORDER BY a.idx, a.attempt" : "");
	r = query_prepare(ms->q, text, ret);
	if (r != 0)
		return r;
	query_bind_sv(*ret, 2, ms->m->test);
	query_bind_sv(*ret, 3, ms->m->suite);
	(void)sqlite3_bind_int64(*ret, 4, ms->run);
	return 0;
}

/* ---- one of them ---- */

static int
keep_name(struct metrics *ms, struct sv name, uint64_t *ret_at)
{
	size_t	 cap = ms->names_cap == 0 ? 4096 : ms->names_cap * 2;
	char	*names;

	while (cap < ms->names_n + name.n + 1)
		cap *= 2;
	if (ms->names_n + name.n + 1 > ms->names_cap) {
		names = realloc(ms->names, cap);
		if (names == NULL)
			return -ENOMEM;
		ms->names = names;
		ms->names_cap = cap;
	}
	*ret_at = ms->names_n;
	if (name.n > 0)
		memcpy(ms->names + ms->names_n, name.p, name.n);
	ms->names_n += name.n;
	ms->names[ms->names_n++] = '\0';
	return 0;
}

static int
key_of(struct metrics *ms, sqlite3_stmt *st, struct metrics_item *item)
{
	switch ((enum metric_sort)ms->m->sort) {
	case METRIC_SORT_DURATION:
		item->key = item->last.duration_us;
		break;
	case METRIC_SORT_CPU:
		item->key = item->last.cpu_us;
		break;
	case METRIC_SORT_MEMORY:
		item->key = item->last.memory_bytes;
		break;
	case METRIC_SORT_WASTED:
		item->key = query_u64(st, COL_WASTED);
		break;
	case METRIC_SORT_LAST_RUN:
		item->key = ms->run != 0 ? item->last.start_ms : query_u64(st, COL_LAST_MS);
		break;
	case METRIC_SORT_NAME:
		return keep_name(ms, query_sv(st, COL_NAME), &item->key);
	case METRIC_SORT_COUNT:
		break;
	}
	return 0;
}

static void
attempt_in_run(sqlite3_stmt *st, struct metrics_item *item)
{
	item->known = true;
	item->last = (struct recent_row){ .start_ms = query_u64(st, COL_LAST),
	    .duration_us = query_u64(st, COL_LAST + 1), .cpu_us = query_u64(st, COL_LAST + 2),
	    .memory_bytes = query_u64(st, COL_LAST + 3), .output_bytes = query_u64(st, COL_LAST + 4),
	    .max_rss_bytes = query_u64(st, COL_LAST + 5), .outcome = OUTCOME_COUNT,
	    .processes = (uint32_t)query_u64(st, COL_LAST + 7),
	    .sessions = (uint32_t)query_u64(st, COL_LAST + 8) };
	if (sqlite3_column_type(st, COL_LAST + 6) != SQLITE_NULL)
		item->last.outcome = (uint32_t)query_u64(st, COL_LAST + 6);
}

static int
add_item(struct metrics *ms, const struct metrics_item *item)
{
	size_t			 cap = ms->cap == 0 ? 256 : ms->cap * 2;
	struct metrics_item	*items;

	if (ms->n == ms->cap) {
		items = reallocarray(ms->items, cap, sizeof *items);
		if (items == NULL)
			return -ENOMEM;
		ms->items = items;
		ms->cap = cap;
	}
	ms->items[ms->n++] = *item;
	return 0;
}

/* What a row of the statement adds to the sum: a test, or one attempt of it. */
static void
add_row(struct metrics *ms, sqlite3_stmt *st, const struct metrics_item *item)
{
	bool	one = ms->run != 0;

	ms->sum.attempts += one ? 1 : query_u64(st, COL_ATTEMPTS);
	ms->sum.passes += one ? item->last.outcome == OUTCOME_PASS : query_u64(st, COL_PASSES);
	ms->sum.total_us += one ? item->last.duration_us : query_u64(st, COL_TOTAL);
	ms->sum.wasted_us += one ? 0 : query_u64(st, COL_WASTED);
}

/* A test of which all is known. */
static int
add_test(struct metrics *ms, const struct metrics_item *item)
{
	ms->sum.tests++;
	ms->sum.flaky += item->flaky;
	ms->sum.regressed += item->regressed != 0;
	ms->sum.last_us += item->last.duration_us;
	ms->sum.last_memory += item->last.memory_bytes;
	if (item->last.memory_bytes > ms->sum.peak_memory)
		ms->sum.peak_memory = item->last.memory_bytes;
	ms->sum.sessions += item->last.sessions;
	return ms->m->regressed && item->regressed == 0 ? 0 : add_item(ms, item);
}

static int
take_test(struct metrics *ms, sqlite3_stmt *st, struct metrics_item *ret)
{
	const void	*list = sqlite3_column_blob(st, COL_NEWEST);
	int		 r;

	*ret = (struct metrics_item){ .id = sqlite3_column_int64(st, COL_ID),
	    .flaky = query_u64(st, COL_FLAKY) > 0 };
	r = recent_newest(list, (size_t)sqlite3_column_bytes(st, COL_NEWEST), &ret->last,
	    &ret->regressed);
	ret->known = r == 1;
	ms->q->cut |= r < 0;
	if (ms->run != 0)
		attempt_in_run(st, ret);
	add_row(ms, st, ret);
	return key_of(ms, st, ret);
}

/* All tests; of the attempts of one in a run, which follow each other, the last counts. */
static int
take_all(struct metrics *ms, sqlite3_stmt *st)
{
	struct metrics_item	item, before;
	int64_t			index = -1, at;
	bool			pending = false;
	int			r = 0, r1;

	while (r == 0 && (r1 = query_step(st)) != 0) {
		if (r1 < 0)
			return r1;
		at = sqlite3_column_int64(st, COL_INDEX);
		r = take_test(ms, st, &item);
		if (pending && ms->run != 0 && at == index)
			ms->sum.wasted_us += before.last.duration_us;
		else if (r == 0 && pending)
			r = add_test(ms, &before);
		before = item;
		index = at;
		pending = true;
	}
	return r == 0 && pending ? add_test(ms, &before) : r;
}

/* ---- the sum ---- */

/* A real that a sum over damaged rows may have made large. */
static uint64_t
whole(sqlite3_stmt *st, int column)
{
	double	v = sqlite3_column_double(st, column);

	return v > 0 && v < 1e18 ? (uint64_t)v : 0;
}

/* The runs in which they were, and what of their slots had nothing to do. */
#define IDLE	"SELECT count(*), total(max(0, workers_used * duration_us - sequential_us))"	\
	" FROM runs t WHERE "

int
query_metrics_runs(struct metrics *ms)
{
	const struct msg_metrics	*m = ms->m;
	sqlite3_stmt			*st = NULL;
	char				 sql[SQL_MAX], where[128];
	int				 r;

	if (ms->run != 0)
		(void)snprintf(sql, sizeof sql, IDLE "id = ?4");
	else if (m->test.n > 0 || m->suite.n > 0 || MSG_HAS(m, metrics, suite))
		(void)snprintf(sql, sizeof sql, IDLE "id IN (SELECT run FROM attempts WHERE test IN"
		    " (SELECT id FROM tests t WHERE %s))", condition(ms, where));
	else
		(void)snprintf(sql, sizeof sql, IDLE "%s", condition(ms, where));
	r = query_prepare(ms->q, sql, &st);
	if (r == 0) {
		query_bind_sv(st, 2, m->test);
		query_bind_sv(st, 3, m->suite);
		(void)sqlite3_bind_int64(st, 4, ms->run);
		r = query_step(st);
	}
	if (r == 1) {
		ms->sum.runs = query_u64(st, 0);
		ms->sum.idle_us = whole(st, 1);
		r = 0;
	}
	(void)sqlite3_finalize(st);
	return r;
}

int
query_metrics_scan(struct metrics *ms)
{
	sqlite3_stmt	*st = NULL;
	int		 r = prepare(ms, &st);

	if (r == 0)
		r = take_all(ms, st);
	(void)sqlite3_finalize(st);
	return r;
}

void
query_metrics_free(struct metrics *ms)
{
	free(ms->items);
	free(ms->names);
}

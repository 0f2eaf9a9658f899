/*
 * METRICS: what tests have cost; see query.h.  A pass over the tests that are asked for
 * (query_scan.c) finds their order and the sum; then those of this page are looked up.
 *
 * "Largest first" is by the last attempt.  With a run, tests are those of which an attempt
 * is on record in it; the last attempt and the sum are those of that run, and all else is
 * of the test's whole history.  `regressed` chooses rows; the sum is of all tests.
 *
 * What the pass found is kept for the next page, and found again when anything has changed
 * in the meantime: most of the time of a large answer would be spent on it.
 */
#include <stdlib.h>
#include <string.h>

#include "store/query_kept.h"
#include "store/query_metrics.h"
#include "store/stats.h"

#define METRICS_ROWS	1000	/* when no limit is asked for */

/* ---- the order ---- */

static int
by_key(const void *a, const void *b)
{
	const struct metrics_item	*x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? 1 : -1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int
by_name(const void *a, const void *b, void *names)
{
	const struct metrics_item	*x = a, *y = b;
	const char			*all = names;
	int				 c = strcmp(all + x->key, all + y->key);

	return c != 0 ? c : x->id < y->id ? -1 : x->id > y->id;
}

static void
sort(struct metrics *ms)
{
	if (ms->n == 0)
		return;
	if (ms->m->sort == METRIC_SORT_NAME)
		qsort_r(ms->items, ms->n, sizeof ms->items[0], by_name, ms->names);
	else
		qsort(ms->items, ms->n, sizeof ms->items[0], by_key);
}

/* ---- rows ---- */

static const char row_sql[] =
	"SELECT t.name, t.suite, t.attempts, t.passes, t.failures, t.flaky, t.last_ms,"
	" t.last_outcome, t.wasted_us, t.total_us, t.newest,"
	" (SELECT run FROM runs WHERE id = t.last_run AND uid = t.uid)"
	" FROM tests t WHERE t.id = ?2";

static struct nums
stats(const struct metrics_item *item, enum metric_kind kind, uint64_t v[STAT_COUNT])
{
	v[STAT_LAST] = stats_value(&item->last, kind);
	return (struct nums){ v, item->known ? STAT_COUNT : 0 };
}

static int
send_row(struct query *q, const struct metrics *ms, const struct metrics_item *item,
    sqlite3_stmt *st)
{
	uint64_t		v[METRIC_KIND_COUNT][STAT_COUNT];
	struct msg_metric_row	m = { .test = query_sv(st, 0), .suite = query_sv(st, 1),
	    .attempts = query_u64(st, 2), .passes = query_u64(st, 3),
	    .failures = query_u64(st, 4), .flaky = query_u64(st, 5), .last_ms = query_u64(st, 6),
	    .last_outcome = query_u64(st, 7), .wasted_us = query_u64(st, 8),
	    .total_us = query_u64(st, 9), .last_run = query_sv(st, 11),
	    .max_rss = item->last.max_rss_bytes, .sessions = item->last.sessions,
	    .processes = item->last.processes, .regressed = item->regressed };
	const void		*list = sqlite3_column_blob(st, 10);

	if (recent_stats(list, (size_t)sqlite3_column_bytes(st, 10), v) < 0)
		q->cut = true;
	if (ms->run != 0) {
		m.last_run = sv_from(ms->run_id);
		m.last_ms = item->last.start_ms;
		m.last_outcome = item->last.outcome;
	}
	m.duration = stats(item, METRIC_DURATION, v[METRIC_DURATION]);
	m.cpu = stats(item, METRIC_CPU, v[METRIC_CPU]);
	m.memory = stats(item, METRIC_MEMORY, v[METRIC_MEMORY]);
	m.output = stats(item, METRIC_OUTPUT, v[METRIC_OUTPUT]);
	return query_send(q, MSG_METRIC_ROW, &m, 280 + m.test.n + m.suite.n);
}

/* The rows of this page, from number `at` on.  0 or -errno. */
static int
send_rows(struct query *q, const struct metrics *ms, size_t at)
{
	sqlite3_stmt	*st = NULL;
	int		 r = query_prepare(q, row_sql, &st);

	for (; r == 0 && at < ms->n; at++) {
		(void)sqlite3_bind_int64(st, 2, ms->items[at].id);
		r = query_step(st);
		if (r == 1)
			r = send_row(q, ms, &ms->items[at], st);
		(void)sqlite3_reset(st);
		if (r == 0 && query_full(q, at + 1))
			break;
	}
	(void)sqlite3_finalize(st);
	return r;
}

/* ---- what is kept between two pages ---- */

static struct {
	struct query_kept	 question;
	struct metrics		 found;		/* owned; without names */
} kept;

void
query_metrics_forget(void)
{
	query_kept_forget(&kept.question);
	query_metrics_free(&kept.found);
	memset(&kept, 0, sizeof kept);
}

/* Keeps what a question has found, or forgets what it found before. */
static void
keep(struct query *q, struct metrics *ms, char *question, size_t len)
{
	query_metrics_forget();
	if (!query_kept_take(&kept.question, q, question, len))
		return;
	kept.found = *ms;
	kept.found.names = NULL;
	ms->items = NULL;
	ms->n = 0;
}

/* Takes it when it was the same question to the same rows. */
static bool
take_kept(struct query *q, struct metrics *ms, const char *question, size_t len)
{
	struct metrics	now = *ms;

	if (kept.found.run != ms->run || !query_kept_is(&kept.question, q, question, len))
		return false;
	*ms = kept.found;
	ms->q = now.q;
	ms->m = now.m;
	kept.found.items = NULL;
	return true;
}

/* ---- the answer ---- */

/* The first `limit` items, in order. */
static int
find(struct metrics *ms, size_t limit)
{
	int	r = query_metrics_scan(ms);

	if (r != 0)
		return r;
	sort(ms);
	ms->more = ms->n > limit;
	ms->n = ms->more ? limit : ms->n;
	return 0;
}

static int
answer(struct query *q, struct metrics *ms)
{
	uint64_t	 limit = ms->m->limit == 0 ? METRICS_ROWS : ms->m->limit;
	char		*question;
	size_t		 len;
	int		 r = msg_encode(MSG_METRICS, ms->m, &question, &len);

	if (r != 0)
		return r;
	if (!take_kept(q, ms, question, len))
		r = find(ms, limit < QUERY_ROWS ? (size_t)limit : QUERY_ROWS);
	if (r == 0)
		r = send_rows(q, ms, (size_t)q->from);
	if (r == 0 && q->next == 0)
		r = query_metrics_runs(ms);
	if (r == 0 && q->next == 0)
		r = query_send(q, MSG_METRIC_SUM, &ms->sum, 0);
	if (r == 0 && q->next == 0)
		r = query_end(q, ms->n, ms->more);
	keep(q, ms, question, len);
	return r;
}

int
query_metrics(struct query *q, const struct msg_metrics *m)
{
	struct metrics	ms = { .q = q, .m = m };
	int		r;

	if (m->sort >= METRIC_SORT_COUNT)
		return query_fail(q, MSG_ERR_BAD, "metrics have no such order", NULL);
	if (m->run.n > 0) {
		r = query_run(q, m->run, &ms.run, ms.run_id);
		if (r != 1)
			return r;
	}
	r = answer(q, &ms);
	query_metrics_free(&ms);
	return r;
}

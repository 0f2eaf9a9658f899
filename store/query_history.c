/* HISTORY: the attempts of a test, newest first; see query.h. */
#include "common/figures.h"
#include "common/outcome.h"
#include "store/query_int.h"

#define HISTORY_ROWS	100	/* when no limit is asked for */

/* By the index alone: what is sent is looked up one by one. */
#define KEYS(whose)							\
	"SELECT start_ms, run, idx, attempt FROM attempts"		\
	" WHERE test IN (SELECT id FROM tests WHERE " whose " AND name = ?2"	\
	" AND (?3 IS NULL OR suite = ?3)) AND start_ms BETWEEN ?4 AND ?5"	\
	" ORDER BY start_ms DESC, run DESC, idx DESC, attempt DESC LIMIT ?6 OFFSET ?7"

#define X(NAME, column, member, text)	", a." #column
static const char row_sql[] =
	"SELECT r.run, t.name, t.suite, a.attempt, a.outcome, a.start_ms, a.duration_us,"
	" a.exit_code, a.signal, a.worker, a.delay_ms, a.cpu_us, a.max_rss_bytes,"
	" a.output_bytes, a.error_category, a.error_message, a.fingerprint, a.failure,"
	" a.decision, a.reason, r.label" FIGURE_LIST(X)
	" FROM attempts a JOIN tests t ON t.id = a.test JOIN runs r ON r.id = a.run"
	" WHERE a.run = ?2 AND a.idx = ?3 AND a.attempt = ?4";
#undef X

enum {
	COL_RUN, COL_NAME, COL_SUITE, COL_ATTEMPT, COL_OUTCOME, COL_START, COL_DURATION,
	COL_EXIT_CODE, COL_SIGNAL, COL_WORKER, COL_DELAY, COL_CPU, COL_MAX_RSS, COL_OUTPUT,
	COL_CATEGORY, COL_ERROR, COL_FINGERPRINT, COL_FAILURE, COL_DECISION, COL_REASON,
	COL_LABEL, COL_FIGURES
};

static int
send_attempt(struct query *q, sqlite3_stmt *st)
{
	uint64_t		v[FIGURE_COUNT];
	struct msg_attempt_row	m = { .run = query_sv(st, COL_RUN), .test = query_sv(st, COL_NAME),
	    .suite = query_sv(st, COL_SUITE), .attempt = query_u64(st, COL_ATTEMPT),
	    .outcome = OUTCOME_COUNT, .start_ms = query_u64(st, COL_START),
	    .duration_us = query_u64(st, COL_DURATION), .exit_code = query_u64(st, COL_EXIT_CODE),
	    .signal = query_u64(st, COL_SIGNAL), .worker = query_u64(st, COL_WORKER),
	    .delay_ms = query_u64(st, COL_DELAY), .cpu_us = query_u64(st, COL_CPU),
	    .max_rss = query_u64(st, COL_MAX_RSS), .output_bytes = query_u64(st, COL_OUTPUT),
	    .error_category = query_u64(st, COL_CATEGORY), .error_message = query_sv(st, COL_ERROR),
	    .fingerprint = query_u64(st, COL_FINGERPRINT), .failure = query_sv(st, COL_FAILURE),
	    .decision = query_u64(st, COL_DECISION), .reason = query_sv(st, COL_REASON),
	    .label = query_sv(st, COL_LABEL) };

	if (sqlite3_column_type(st, COL_OUTCOME) != SQLITE_NULL)
		m.outcome = query_u64(st, COL_OUTCOME);
	if (sqlite3_column_type(st, COL_EXIT_CODE) != SQLITE_NULL)
		m.has |= MSG_BIT(attempt_row, exit_code);
	for (int i = 0; i < FIGURE_COUNT; i++) {
		v[i] = query_u64(st, COL_FIGURES + i);
		if (v[i] != 0)
			m.figures.n = (uint32_t)i + 1;
	}
	m.figures.v = v;
	return query_send(q, MSG_ATTEMPT_ROW, &m, 200 + m.test.n + m.suite.n + m.label.n +
	    m.error_message.n + m.failure.n + m.reason.n);
}

/* The row of a key; one whose test or run is gone is left out. */
static int
send_key(struct query *q, sqlite3_stmt *keys, sqlite3_stmt *row)
{
	int	r;

	for (int i = 1; i <= 3; i++)
		(void)sqlite3_bind_int64(row, i + 1, sqlite3_column_int64(keys, i));
	r = query_step(row);
	if (r == 1)
		r = send_attempt(q, row);
	else if (r == 0)
		q->cut = true;
	(void)sqlite3_reset(row);
	return r;
}

static int
send_all(struct query *q, sqlite3_stmt *keys, sqlite3_stmt *row, struct query_place at,
    uint64_t limit)
{
	int	r;

	while ((r = query_step(keys)) == 1) {
		if (at.sent == limit)
			return query_end(q, at.sent, true);
		if (at.sent == 0)
			at.newest_ms = query_u64(keys, 0);
		r = send_key(q, keys, row);
		if (r != 0)
			return r;
		at.sent++;
		if (query_full(q, query_place_pack(at)))
			return 0;
	}
	return r != 0 ? r : query_end(q, at.sent, false);
}

int
query_history(struct query *q, const struct msg_history *m)
{
	struct query_place	 at = query_place(q->from);
	uint64_t		 limit = m->limit == 0 ? HISTORY_ROWS : m->limit;
	sqlite3_stmt		*keys = NULL, *row = NULL;
	int			 r = query_prepare(q, q->uid == 0 ? KEYS("?1 = 0") : KEYS("uid = ?1"),
	    &keys);

	if (limit > QUERY_ROWS)
		limit = QUERY_ROWS;
	if (at.sent > limit)
		at.sent = limit;
	if (r == 0)
		r = query_prepare(q, row_sql, &row);
	if (r == 0) {
		query_bind_sv(keys, 2, m->test);
		if (MSG_HAS(m, history, suite) || m->suite.n > 0)
			query_bind_sv(keys, 3, m->suite);
		(void)sqlite3_bind_int64(keys, 4, m->since_ms < INT64_MAX ? (int64_t)m->since_ms :
		    INT64_MAX);
		(void)sqlite3_bind_int64(keys, 5, (int64_t)at.newest_ms);
		(void)sqlite3_bind_int64(keys, 6, (int64_t)(limit - at.sent + 1));
		(void)sqlite3_bind_int64(keys, 7, (int64_t)at.sent);
		r = send_all(q, keys, row, at, limit);
	}
	(void)sqlite3_finalize(keys);
	(void)sqlite3_finalize(row);
	return r;
}

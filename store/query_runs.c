/* RUN_LIST and PLAN_READ: the runs on record, and what one was asked to do; see query.h. */
#include <errno.h>
#include <stdlib.h>

#include "common/outcome.h"
#include "store/flakiness.h"
#include "store/query_int.h"

#define SPEC_MAX	((size_t)1 << 20)	/* bytes of a TEST_ADD */
#define SENT_BITS	25	/* of `from`: PLAN_TESTs so far, above them the next index */
#define INDEX_END	((UINT64_C(1) << 25) - 1)	/* no plan has so many tests */

/* ---- the list ---- */

/* By the index alone first: a run's row may hold a large list of slots. */
#define RUNS(whose)							\
	"SELECT run, label, status, total, passed, failed, skipped, timed_out, errored,"	\
	" cancelled, flaky_count, start_ms, duration_us, jobs, uid, revision, parent, marks FROM runs"	\
	" WHERE id IN (SELECT id FROM runs WHERE " whose " AND start_ms <= ?2"	\
	" ORDER BY start_ms DESC, id DESC LIMIT ?3 OFFSET ?4)"			\
	" ORDER BY start_ms DESC, id DESC"

static int
send_run(struct query *q, sqlite3_stmt *st)
{
	struct msg_run_row	m = { .run = query_sv(st, 0), .name = query_sv(st, 1),
	    .status = query_u64(st, 2), .total = query_u64(st, 3), .passed = query_u64(st, 4),
	    .failed = query_u64(st, 5), .skipped = query_u64(st, 6),
	    .timed_out = query_u64(st, 7), .errored = query_u64(st, 8),
	    .cancelled = query_u64(st, 9), .flaky_count = query_u64(st, 10),
	    .start_ms = query_u64(st, 11), .duration_us = query_u64(st, 12),
	    .jobs = query_u64(st, 13), .uid = query_u64(st, 14), .revision = query_sv(st, 15),
	    .parent = query_sv(st, 16), .detects = (query_u64(st, 17) & RUN_MARK_DETECTS) != 0 };

	return query_send(q, MSG_RUN_ROW, &m, 120 + m.name.n + m.revision.n + m.parent.n);
}

static int
send_runs(struct query *q, sqlite3_stmt *st, struct query_place at, uint64_t limit)
{
	int	r;

	while ((r = query_step(st)) == 1) {
		if (at.sent == limit)
			return query_end(q, at.sent, true);
		if (at.sent == 0)
			at.newest_ms = query_u64(st, 11);
		r = send_run(q, st);
		if (r != 0)
			return r;
		at.sent++;
		if (query_full(q, query_place_pack(at)))
			return 0;
	}
	return r != 0 ? r : query_end(q, at.sent, false);
}

int
query_run_list(struct query *q, const struct msg_run_list *m)
{
	struct query_place	 at = query_place(q->from);
	uint64_t		 limit = m->limit == 0 || m->limit > QUERY_ROWS ? QUERY_ROWS : m->limit;
	sqlite3_stmt		*st = NULL;
	int			 r = query_prepare(q, q->uid == 0 ? RUNS("?1 = 0") : RUNS("uid = ?1"),
	    &st);

	if (at.sent > limit)
		at.sent = limit;
	if (r == 0) {
		(void)sqlite3_bind_int64(st, 2, (int64_t)at.newest_ms);
		(void)sqlite3_bind_int64(st, 3, (int64_t)(limit - at.sent + 1));
		(void)sqlite3_bind_int64(st, 4, (int64_t)at.sent);
		r = send_runs(q, st, at, limit);
	}
	(void)sqlite3_finalize(st);
	return r;
}

/* ---- a plan ---- */

/* The slots are a body of PLAN_RUN; damaged ones are left out. */
static int
send_plan(struct query *q, sqlite3_stmt *st, const char *run)
{
	struct msg_reader	*reader = msg_reader_new();
	struct msg_plan_run	 m = { .has = 0 };
	union msg_body		 body;
	const void		*slots = sqlite3_column_blob(st, 3);
	int			 r = 0;

	if (reader == NULL)
		return -ENOMEM;
	if (slots != NULL) {
		r = msg_decode(reader, MSG_PLAN_RUN, slots, (size_t)sqlite3_column_bytes(st, 3), &body,
		    NULL);
		if (r == 0) {
			m.slots = body.plan_run.slots;
			m.isolation = body.plan_run.isolation;
		}
		q->cut |= r == -EBADMSG;
	}
	m.run = sv_from(run);
	m.name = query_sv(st, 0);
	m.total = query_u64(st, 1);
	m.status = query_u64(st, 2);
	if (r == 0 || r == -EBADMSG)
		r = query_send(q, MSG_PLAN_RUN, &m, 120 + m.name.n);
	msg_reader_free(reader);
	return r;
}

static int
begin_plan(struct query *q, int64_t id, const char *run)
{
	sqlite3_stmt	*st = NULL;
	int		 r = query_prepare(q, "SELECT label, total, status, slots FROM runs"
	    " WHERE id = ?2", &st);

	if (r == 0) {
		(void)sqlite3_bind_int64(st, 2, id);
		r = query_step(st);
	}
	if (r == 1)
		r = send_plan(q, st, run);
	(void)sqlite3_finalize(st);
	return r;
}

static int
send_test(struct query *q, sqlite3_stmt *st, uint64_t *sent)
{
	struct msg_plan_test	m = { .index = query_u64(st, 0), .attempts = query_u64(st, 2) };
	char			*spec;
	int			 r;

	if (sqlite3_column_type(st, 1) != SQLITE_NULL) {
		m.status = query_u64(st, 1);
		m.has |= MSG_BIT(plan_test, status);
	}
	m.spec.n = (size_t)query_u64(st, 3);
	r = query_unpack(q, st, 4, m.spec.n, SPEC_MAX, &spec);
	if (r == -EBADMSG) {
		q->cut = true;
		return 0;
	}
	if (r != 0)
		return r;
	m.spec.p = spec;
	r = query_send(q, MSG_PLAN_TEST, &m, 40 + m.spec.n);
	free(spec);
	++*sent;
	return r;
}

static int
send_tests(struct query *q, sqlite3_stmt *st, uint64_t sent)
{
	int	r;

	while ((r = query_step(st)) == 1) {
		if (query_u64(st, 0) >= INDEX_END)
			return query_end(q, sent, true);
		r = send_test(q, st, &sent);
		if (r != 0)
			return r;
		if (query_full(q, (query_u64(st, 0) + 1) << SENT_BITS | sent))
			return 0;
	}
	return r != 0 ? r : query_end(q, sent, false);
}

int
query_plan_read(struct query *q, const struct msg_plan_read *m)
{
	sqlite3_stmt	*st = NULL;
	char		 run[QUERY_RUN_ID + 1];
	int64_t		 id;
	int		 r = query_run(q, m->run, &id, run);

	if (r != 1)
		return r;
	r = q->from == 0 ? begin_plan(q, id, run) : 0;
	if (r == 0)
		r = query_prepare(q, "SELECT t.idx, t.status, t.attempts, s.size_bytes, s.data"
		    " FROM run_tests t LEFT JOIN specs s ON s.id = t.spec"
		    " WHERE t.run = ?2 AND t.idx >= ?3"
		    " AND (NOT ?4 OR t.status IS NULL OR t.status NOT IN (?5, ?6)) ORDER BY t.idx", &st);
	if (r == 0) {
		(void)sqlite3_bind_int64(st, 2, id);
		(void)sqlite3_bind_int64(st, 3, (int64_t)(q->from >> SENT_BITS));
		(void)sqlite3_bind_int(st, 4, m->open);
		(void)sqlite3_bind_int(st, 5, TEST_PASS);
		(void)sqlite3_bind_int(st, 6, TEST_SKIP);
		r = send_tests(q, st, q->from & ((UINT64_C(1) << SENT_BITS) - 1));
	}
	(void)sqlite3_finalize(st);
	return r;
}

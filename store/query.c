/* Dispatch of questions, and what all of them need; see query.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "common/spec.h"
#include "store/query_int.h"

#define CUT		(UINT64_C(1) << 63)	/* of `from`: something was left out before */
#define PLACE_BITS	20
#define PLACE_ANY	((UINT64_C(1) << 42) - 1)

/* ---- sending ---- */

int
query_send(struct query *q, enum msg_type type, const void *msg, size_t about)
{
	int	r = q->send(q->arg, type, msg);

	q->bytes += about;
	if (r == -EMSGSIZE || r == -EINVAL) {
		q->cut = true;
		return 0;
	}
	return r;
}

int
query_fail(struct query *q, enum msg_error_code code, const char *text, const char *hint)
{
	struct msg_error	m = { .code = code, .text = sv_from(text), .hint = sv_from(hint) };

	return query_send(q, MSG_ERROR, &m, 0);
}

int
query_end(struct query *q, uint64_t count, bool truncated)
{
	struct msg_end_of	m = { .count = count, .truncated = truncated || q->cut };

	return query_send(q, MSG_END_OF, &m, 0);
}

bool
query_full(struct query *q, uint64_t next)
{
	if (q->bytes <= q->page)
		return false;
	q->next = next;
	return true;
}

struct query_place
query_place(uint64_t from)
{
	struct query_place	p = { from >> PLACE_BITS, from & ((1 << PLACE_BITS) - 1) };

	if (p.sent == 0 || p.newest_ms == PLACE_ANY)
		p.newest_ms = INT64_MAX;
	return p;
}

uint64_t
query_place_pack(struct query_place p)
{
	uint64_t	ms = p.newest_ms < PLACE_ANY ? p.newest_ms : PLACE_ANY;

	return ms << PLACE_BITS | p.sent;
}

/* ---- the database ---- */

static int
sql_error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

int
query_prepare(struct query *q, const char *sql, sqlite3_stmt **ret)
{
	int	rc = sqlite3_prepare_v2(q->db->sql, sql, -1, ret, NULL);

	if (rc != SQLITE_OK)
		return sql_error(rc);
	(void)sqlite3_bind_int64(*ret, 1, (int64_t)q->uid);
	return 0;
}

int
query_step(sqlite3_stmt *st)
{
	int	rc = sqlite3_step(st);

	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : sql_error(rc);
}

void
query_bind_sv(sqlite3_stmt *st, int at, struct sv s)
{
	(void)sqlite3_bind_text64(st, at, s.n > 0 ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8);
}

struct sv
query_sv(sqlite3_stmt *st, int column)
{
	const unsigned char	*p = sqlite3_column_text(st, column);

	return (struct sv){ (const char *)p, p != NULL ? (size_t)sqlite3_column_bytes(st, column) : 0 };
}

uint64_t
query_u64(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

static int
fail_run(struct query *q, bool several, struct sv run)
{
	char	text[160];

	if (several)
		(void)snprintf(text, sizeof text, "several runs begin with '" SV_FMT "'", SV_ARG(run));
	else if (run.n == 0)
		(void)snprintf(text, sizeof text, "there is no run yet");
	else
		(void)snprintf(text, sizeof text, "there is no run '" SV_FMT "'", SV_ARG(run));
	return query_fail(q, MSG_ERR_NOT_FOUND, text, several ?
	    "give more digits; paratestctl runs lists them" : "paratestctl runs lists them");
}

/* The mark of a run, from 1: so many newer ones cannot be taken for it. */
#define MARK(id)	"(1 + (" id " & 1023))"
#define MARKED(whose)	whose " AND (?3 = 0 OR " MARK("id") " = ?3)"

/* Ids are hexadecimal: 'g' is behind every one that begins so. */
#define RUN_BY_PREFIX(whose)						\
	"SELECT id, run, " MARK("id") " FROM runs WHERE " MARKED(whose)	\
	" AND run BETWEEN ?2 AND ?2 || 'g' LIMIT 2"
#define RUN_NEWEST(whose)						\
	"SELECT id, run, " MARK("id") " FROM runs WHERE id = (SELECT id FROM runs WHERE "	\
	MARKED(whose) " ORDER BY start_ms DESC, id DESC LIMIT 1)"

int
query_run(struct query *q, struct sv name, int64_t *ret, char ret_run[QUERY_RUN_ID + 1])
{
	const struct sv	 prefix = spec_run(name);
	const char	*sql = prefix.n == 0 ?
	    (q->uid == 0 ? RUN_NEWEST("?1 = 0") : RUN_NEWEST("uid = ?1")) :
	    (q->uid == 0 ? RUN_BY_PREFIX("?1 = 0") : RUN_BY_PREFIX("uid = ?1"));
	sqlite3_stmt	*st = NULL;
	struct sv	 run;
	int		 found = 0, r;

	if (prefix.n > QUERY_RUN_ID)
		return fail_run(q, false, prefix);
	r = query_prepare(q, sql, &st);
	if (r == 0) {
		if (prefix.n > 0)
			query_bind_sv(st, 2, prefix);
		(void)sqlite3_bind_int64(st, 3, (int64_t)(q->from >> QUERY_RUN_BITS));
		q->from &= (UINT64_C(1) << QUERY_RUN_BITS) - 1;
	}
	for (; r == 0 && (r = query_step(st)) == 1; r = 0) {
		run = query_sv(st, 1);
		*ret = sqlite3_column_int64(st, 0);
		q->mark = query_u64(st, 2);
		(void)snprintf(ret_run, QUERY_RUN_ID + 1, SV_FMT, SV_ARG(run));
		found++;
	}
	(void)sqlite3_finalize(st);
	if (r != 0 || found == 1)
		return r != 0 ? r : 1;
	return fail_run(q, found > 1, prefix);
}

int
query_unpack(struct query *q, sqlite3_stmt *st, int column, uint64_t size, size_t max, char **ret)
{
	const void	*data = sqlite3_column_blob(st, column);
	size_t		 n = (size_t)sqlite3_column_bytes(st, column), got;

	if (data == NULL || size > max)
		return -EBADMSG;
	if (q->zstd == NULL)
		q->zstd = ZSTD_createDCtx();
	*ret = malloc((size_t)size + 1);	/* an empty one is not NULL */
	if (q->zstd == NULL || *ret == NULL) {
		free(*ret);
		return -ENOMEM;
	}
	got = ZSTD_decompressDCtx(q->zstd, *ret, (size_t)size, data, n);
	if (!ZSTD_isError(got) && got == size)
		return 0;
	free(*ret);
	return -EBADMSG;
}

void
query_forget(void)
{
	query_output_forget();
	query_metrics_forget();
	query_flaky_forget();
}

/* ---- dispatch ---- */

static int
dispatch(struct query *q, enum msg_type type, const union msg_body *m)
{
	switch ((uint32_t)type) {
	case MSG_HISTORY:
		return query_history(q, &m->history);
	case MSG_METRICS:
		return query_metrics(q, &m->metrics);
	case MSG_FLAKY:
		return query_flaky(q, &m->flaky);
	case MSG_RUN_LIST:
		return query_run_list(q, &m->run_list);
	case MSG_RUN_WATCH:
		return query_run_watch(q, &m->run_watch);
	case MSG_OUTPUT_READ:
		return query_output_read(q, &m->output_read);
	case MSG_PLAN_READ:
		return query_plan_read(q, &m->plan_read);
	default:
		return -EOPNOTSUPP;
	}
}

int
query_answer_paged(struct db *db, uint64_t uid, enum msg_type type, const union msg_body *m,
    uint64_t from, size_t page, query_send_fn *send, void *arg, uint64_t *ret_next)
{
	struct query	q = { .db = db, .uid = uid, .from = from & ~CUT, .page = page,
	    .cut = (from & CUT) != 0, .send = send, .arg = arg };
	int		r = dispatch(&q, type, m), r1;

	(void)ZSTD_freeDCtx(q.zstd);
	*ret_next = 0;
	if (r == 0 && q.next != 0)
		*ret_next = q.next | q.mark << QUERY_RUN_BITS | (q.cut ? CUT : 0);
	if (r != -EIO && r != -EUCLEAN)
		return r;
	r1 = query_fail(&q, MSG_ERR_INTERNAL, r == -EIO ? "the history cannot be read" :
	    "the history cannot be read: its database is damaged", NULL);
	return r1 != 0 ? r1 : r;
}

int
query_answer(struct db *db, uint64_t uid, enum msg_type type, const union msg_body *m,
    uint64_t from, query_send_fn *send, void *arg, uint64_t *ret_next)
{
	return query_answer_paged(db, uid, type, m, from, QUERY_PAGE, send, arg, ret_next);
}

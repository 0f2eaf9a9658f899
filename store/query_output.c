/* OUTPUT_READ: what an attempt printed; see query.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/blob.h"
#include "store/query_int.h"

#define CHUNK	65536	/* bytes of an OUTPUT_CHUNK */
#define RECORD	5	/* bytes before those of a record: stream, length */

/* An attempt whose output is asked for. */
struct source {
	bool		found;
	int64_t		output;		/* 0: it printed nothing */
	uint64_t	printed;	/* bytes */
};

struct reading {
	struct query	*q;
	unsigned	 streams;	/* bit 0 stdout, bit 1 stderr */
	uint64_t	 sent, kept;	/* bytes: of those streams, of both */
};

/* 1 and the index of the test; 0 when it is none of that run and the ERROR was sent. */
static int
find_test(struct query *q, int64_t run, const char *run_id, struct sv name, int64_t *ret)
{
	sqlite3_stmt	*st = NULL;
	char		 text[320];
	int		 r = query_prepare(q, "SELECT idx FROM run_tests WHERE run = ?2 AND test IN"
	    " (SELECT id FROM tests WHERE name = ?3"
	    " AND uid = (SELECT uid FROM runs WHERE id = ?2)) LIMIT 1", &st);

	if (r == 0) {
		(void)sqlite3_bind_int64(st, 2, run);
		query_bind_sv(st, 3, name);
		r = query_step(st);
		*ret = r == 1 ? sqlite3_column_int64(st, 0) : 0;
	}
	(void)sqlite3_finalize(st);
	if (r != 0)
		return r;
	(void)snprintf(text, sizeof text, "run %.8s has no test '%.*s'", run_id,
	    (int)(name.n > 200 ? 200 : name.n), name.p);
	return query_fail(q, MSG_ERR_NOT_FOUND, text, "paratestctl show RUN lists its tests");
}

/* The attempt of that number, 0: the last. */
static int
find_attempt(struct query *q, int64_t run, int64_t idx, uint64_t attempt, struct source *ret)
{
	sqlite3_stmt	*st = NULL;
	int		 r = query_prepare(q, "SELECT output, output_bytes FROM attempts"
	    " WHERE run = ?2 AND idx = ?3 AND (?4 = 0 OR attempt = ?4)"
	    " ORDER BY attempt DESC LIMIT 1", &st);

	*ret = (struct source){ .found = false };
	if (r == 0) {
		(void)sqlite3_bind_int64(st, 2, run);
		(void)sqlite3_bind_int64(st, 3, idx);
		(void)sqlite3_bind_int64(st, 4, attempt < INT64_MAX ? (int64_t)attempt : INT64_MAX);
		r = query_step(st);
	}
	if (r == 1) {
		ret->found = true;
		ret->output = sqlite3_column_int64(st, 0);
		ret->printed = query_u64(st, 1);
	}
	(void)sqlite3_finalize(st);
	return r == 1 ? 0 : r;
}

/*
 * The content of which a page was just given, since the next page is mostly of the same:
 * unpacked once an answer and not once a page.  Named by its owner and hash, and not by its
 * number, which another may get.
 */
static struct {
	struct db	*db;
	int64_t		 uid;
	unsigned char	 hash[16];
	char		*raw;		/* NULL: none */
	size_t		 n;
} kept;

/* One record, from its byte `at` on.  1: the page is full, 0 or -errno. */
static int
send_record(struct reading *rd, unsigned stream, const char *data, size_t n, size_t at,
    uint64_t start)
{
	struct msg_output_chunk	m = { .stream = stream };
	int			r;

	rd->sent += at;
	while (at < n) {
		m.data = (struct sv){ data + at, n - at < CHUNK ? n - at : CHUNK };
		r = query_send(rd->q, MSG_OUTPUT_CHUNK, &m, m.data.n);
		if (r != 0)
			return r;
		rd->sent += m.data.n;
		at += m.data.n;
		if (query_full(rd->q, start + at))
			return 1;
	}
	return 0;
}

/* `from` is a place in the raw content.  1: the page is full, 0 or -errno. */
static int
send_records(struct reading *rd, const char *raw, size_t n)
{
	size_t	at = 0, len, skip;
	int	r;

	for (; at < n; at += RECORD + len) {
		const uint8_t	*p = (const uint8_t *)raw + at;

		len = 0;
		if (n - at < RECORD)
			break;
		len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
		if (len > n - at - RECORD || p[0] < 1 || p[0] > 2)
			break;
		rd->kept += len;
		if (!(rd->streams >> (p[0] - 1) & 1))
			continue;
		skip = rd->q->from > at + RECORD ? (size_t)rd->q->from - at - RECORD : 0;
		r = send_record(rd, p[0], raw + at + RECORD, len, skip < len ? skip : len, at + RECORD);
		if (r != 0)
			return r;
	}
	rd->q->cut |= at < n;
	return 0;
}

/* ---- the content ---- */

void
query_output_forget(void)
{
	free(kept.raw);
	memset(&kept, 0, sizeof kept);
}

/* Is it the content of this output that was kept?  1, 0, or -errno. */
static int
is_kept(struct query *q, int64_t output)
{
	sqlite3_stmt	*st = NULL;
	int		 r;

	if (kept.raw == NULL || kept.db != q->db)
		return 0;
	r = query_prepare(q, "SELECT 1 FROM outputs WHERE id = ?2 AND uid = ?3 AND hash = ?4", &st);
	if (r == 0) {
		(void)sqlite3_bind_int64(st, 2, output);
		(void)sqlite3_bind_int64(st, 3, kept.uid);
		(void)sqlite3_bind_blob(st, 4, kept.hash, sizeof kept.hash, SQLITE_STATIC);
		r = query_step(st);
	}
	(void)sqlite3_finalize(st);
	return r;
}

/* Whose it is, for is_kept().  0, -EBADMSG when there is no such row, or -errno. */
static int
name_kept(struct query *q, int64_t output)
{
	sqlite3_stmt	*st = NULL;
	int		 r = query_prepare(q, "SELECT uid, hash FROM outputs WHERE id = ?2"
	    " AND length(hash) = ?3", &st);

	if (r == 0) {
		(void)sqlite3_bind_int64(st, 2, output);
		(void)sqlite3_bind_int(st, 3, sizeof kept.hash);
		r = query_step(st);
	}
	if (r == 1) {
		kept.db = q->db;
		kept.uid = sqlite3_column_int64(st, 0);
		memcpy(kept.hash, sqlite3_column_blob(st, 1), sizeof kept.hash);
	}
	(void)sqlite3_finalize(st);
	return r == 1 ? 0 : r == 0 ? -EBADMSG : r;
}

/* Fills `kept`.  0, or -errno. */
static int
load(struct query *q, int64_t output)
{
	char	*raw;
	size_t	 n;
	int	 r = is_kept(q, output);

	if (r != 0)
		return r == 1 ? 0 : r;
	query_output_forget();
	r = name_kept(q, output);
	if (r == 0)
		r = blob_load(q->db, output, &raw, &n);
	if (r != 0)
		return r;
	kept.raw = raw;
	kept.n = n;
	return 0;
}

static int
send_output(struct query *q, const struct source *s, unsigned streams)
{
	struct reading	rd = { .q = q, .streams = streams };
	int		r = s->output != 0 ? load(q, s->output) : 0;

	if (s->output != 0 && r == 0) {
		r = send_records(&rd, kept.raw, kept.n);
		if (r == 1)
			return 0;
	} else if (r != 0 && r != -ENOMEM && r != -EUCLEAN) {
		q->cut = true;
		r = 0;
	}
	query_output_forget();
	return r != 0 ? r : query_end(q, rd.sent, rd.kept < s->printed);
}

int
query_output_read(struct query *q, const struct msg_output_read *m)
{
	char		run[QUERY_RUN_ID + 1], text[320];
	struct source	s;
	int64_t		id, idx;
	int		r = query_run(q, m->run, &id, run);

	if (r == 1)
		r = find_test(q, id, run, m->test, &idx);
	if (r != 1)
		return r;
	r = find_attempt(q, id, idx, m->attempt, &s);
	if (r != 0)
		return r;
	if (s.found || m->attempt == 0)
		return send_output(q, &s, m->streams & 3 ? (unsigned)(m->streams & 3) : 3);
	(void)snprintf(text, sizeof text, "test '%.*s' has no attempt %llu",
	    (int)(m->test.n > 200 ? 200 : m->test.n), m->test.p, (unsigned long long)m->attempt);
	return query_fail(q, MSG_ERR_NOT_FOUND, text, NULL);
}

/*
 * What tests of questions about the history share: a database in memory, filled with SQL,
 * and answers kept decoded, as a client would get them.
 */
#ifndef TESTS_UNIT_QUERY_FIXTURE_H
#define TESTS_UNIT_QUERY_FIXTURE_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <cmocka.h>

#include "common/history.h"
#include "common/outcome.h"
#include "store/db.h"
#include "store/query.h"
#include "store/recent.h"
#include "store/sql.h"

#define QX_UID		1000
#define QX_OTHER	2000
#define QX_PAGE		((size_t)1 << 30)	/* all of it */

struct qx_frame {
	enum msg_type		 type;
	union msg_body		 body;	/* borrows from data and reader */
	char			*data;
	size_t			 n;
	struct msg_reader	*reader;
};

struct qx_answer {
	struct qx_frame	*frames;
	size_t		 n, cap, pages;
	size_t		 longest;	/* messages of a page */
};

static inline void
qx_sql(struct db *db, const char *fmt, ...)
{
	char	text[4096], *why = NULL;
	va_list	ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (sqlite3_exec(db->sql, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", why, text);
}

static inline int
qx_open(void **state)
{
	struct db	*db = calloc(1, sizeof *db);

	assert_non_null(db);
	assert_int_equal(sqlite3_open(":memory:", &db->sql), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db->sql, sql_schema, NULL, NULL, NULL), SQLITE_OK);
	db->dirfd = -1;
	*state = db;
	return 0;
}

/* Statements may be kept to be used again, but none may be in the middle of its rows. */
static inline void
qx_close_sql(sqlite3 *sql)
{
	sqlite3_stmt	*st;

	while ((st = sqlite3_next_stmt(sql, NULL)) != NULL) {
		assert_false(sqlite3_stmt_busy(st));
		(void)sqlite3_finalize(st);
	}
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
}

static inline int
qx_close(void **state)
{
	struct db	*db = *state;

	qx_close_sql(db->sql);
	free(db);
	return 0;
}

/* ---- rows ---- */

/* Run `id` has the id of 32 digits that begins with `digits`, of zeros else. */
static inline void
qx_run(struct db *db, int id, const char *digits, unsigned uid, uint64_t start_ms)
{
	qx_sql(db, "INSERT INTO runs (id, run, uid, label, status, jobs, seed, start_ms, end_ms, "
	    "total) VALUES (%d, substr('%s' || '00000000000000000000000000000000', 1, 32), %u,"
	    " 'label %d', 1, 4, 7, %llu, %llu, 3)", id, digits, uid, id,
	    (unsigned long long)start_ms, (unsigned long long)start_ms + 1000);
}

static inline void
qx_test(struct db *db, int id, unsigned uid, const char *suite, const char *name)
{
	qx_sql(db, "INSERT INTO tests (id, uid, suite, name) VALUES (%d, %u, '%s', '%s')", id, uid,
	    suite, name);
}

static inline void
qx_attempt(struct db *db, int run, int idx, int attempt, int test, int outcome, uint64_t start_ms,
    uint64_t duration_us)
{
	qx_sql(db, "INSERT INTO attempts (run, idx, attempt, test, worker, outcome, start_ms,"
	    " duration_us) VALUES (%d, %d, %d, %d, 1, %d, %llu, %llu)", run, idx, attempt, test,
	    outcome, (unsigned long long)start_ms, (unsigned long long)duration_us);
}

/* A blob in a column, zstd or as it is. */
static inline void
qx_blob(struct db *db, const char *sql, const void *data, size_t n, bool pack)
{
	size_t		 cap = ZSTD_compressBound(n), len = n;
	void		*packed = malloc(cap);
	sqlite3_stmt	*st;

	assert_non_null(packed);
	if (pack)
		len = ZSTD_compress(packed, cap, data, n, 1);
	assert_int_equal(sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL), SQLITE_OK);
	(void)sqlite3_bind_blob(st, 1, pack ? packed : data, (int)len, SQLITE_TRANSIENT);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	(void)sqlite3_finalize(st);
	free(packed);
}

/* ---- answers ---- */

static inline int
qx_take(void *arg, enum msg_type type, const void *msg)
{
	struct qx_answer	*a = arg;
	struct qx_frame		*f;
	char			*data;
	size_t			 n;
	int			 r = msg_encode(type, msg, &data, &n);

	if (r != 0)
		return r;
	if (a->n == a->cap) {
		a->cap = a->cap == 0 ? 64 : a->cap * 2;
		a->frames = realloc(a->frames, a->cap * sizeof *a->frames);
		assert_non_null(a->frames);
	}
	f = &a->frames[a->n++];
	*f = (struct qx_frame){ .type = type, .data = data, .n = n, .reader = msg_reader_new() };
	assert_non_null(f->reader);
	assert_int_equal(msg_decode(f->reader, type, data, n, &f->body, NULL), 0);
	return 0;
}

static inline void
qx_free(struct qx_answer *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->frames[i].data);
		msg_reader_free(a->frames[i].reader);
	}
	free(a->frames);
	*a = (struct qx_answer){ .n = 0 };
}

/* All pages of an answer. */
static inline struct qx_answer
qx_ask_paged(struct db *db, uint64_t uid, enum msg_type type, union msg_body body, size_t page)
{
	struct qx_answer	a = { .n = 0 };
	uint64_t		from = 0;
	size_t			before;

	do {
		before = a.n;
		assert_int_equal(query_answer_paged(db, uid, type, &body, from, page, qx_take, &a,
		    &from), 0);
		a.longest = a.n - before > a.longest ? a.n - before : a.longest;
		assert_true(++a.pages < 100000);
	} while (from != 0);
	return a;
}

/* However small its pages are, the answer is the same. */
static inline struct qx_answer
qx_ask(struct db *db, uint64_t uid, enum msg_type type, union msg_body body)
{
	static const size_t	pages[] = { 0, 300, 5000 };
	struct qx_answer	all = qx_ask_paged(db, uid, type, body, QX_PAGE), a;

	assert_int_equal(all.pages, 1);
	for (size_t i = 0; i < 3; i++) {
		a = qx_ask_paged(db, uid, type, body, pages[i]);
		assert_int_equal(a.n, all.n);
		if (pages[i] == 0)
			assert_true(a.longest <= 3);
		for (size_t j = 0; j < a.n; j++) {
			assert_int_equal(a.frames[j].type, all.frames[j].type);
			assert_int_equal(a.frames[j].n, all.frames[j].n);
			assert_memory_equal(a.frames[j].data, all.frames[j].data, a.frames[j].n);
		}
		qx_free(&a);
	}
	return all;
}

static inline const union msg_body *
qx_at(const struct qx_answer *a, size_t i, enum msg_type type)
{
	assert_true(i < a->n);
	if (a->frames[i].type == MSG_ERROR && type != MSG_ERROR)
		fail_msg("error: " SV_FMT, SV_ARG(a->frames[i].body.error.text));
	assert_string_equal(msg_desc(a->frames[i].type)->name, msg_desc(type)->name);
	return &a->frames[i].body;
}

/* The last message is END_OF. */
static inline void
qx_end(const struct qx_answer *a, uint64_t count, bool truncated)
{
	const struct msg_end_of	*e = &qx_at(a, a->n - 1, MSG_END_OF)->end_of;

	assert_int_equal(e->count, count);
	assert_int_equal(e->truncated, truncated);
}

static inline void
qx_error(struct db *db, uint64_t uid, enum msg_type type, union msg_body body, const char *text,
    const char *hint)
{
	struct qx_answer	 a = qx_ask(db, uid, type, body);
	const struct msg_error	*e = &qx_at(&a, 0, MSG_ERROR)->error;
	char			 got[400];

	assert_int_equal(a.n, 1);
	assert_int_equal(e->code, MSG_ERR_NOT_FOUND);
	(void)snprintf(got, sizeof got, SV_FMT, SV_ARG(e->text));
	assert_string_equal(got, text);
	(void)snprintf(got, sizeof got, SV_FMT, SV_ARG(e->hint));
	assert_string_equal(got, hint);
	qx_free(&a);
}

static inline void
qx_text(struct sv got, const char *want)
{
	if (!sv_is(got, want))
		fail_msg("'" SV_FMT "' is not '%s'", SV_ARG(got), want);
}

#define WITH_DB(f)	cmocka_unit_test_setup_teardown(f, qx_open, qx_close)

#endif

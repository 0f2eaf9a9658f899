/*
 * Fixture for tests of the store: a folder with a database and journals, and the story
 * of a run: a pass with output, a failure that a retry heals, a skip, a lost attempt that
 * is run again, a large output, an output like the first one.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/event.h"
#include "common/figures.h"
#include "common/journal.h"
#include "common/outcome.h"
#include "common/rmtree.h"
#include "store/blob.h"
#include "store/db.h"
#include "store/ingest.h"

#define ST_RUN		"00112233445566778899aabbccddeeff"
#define ST_LARGE	200000		/* bytes of the large output, incompressible */
#define ST_START_MS	UINT64_C(1700000000000)
#define ST_STEPS	100000		/* a deadline, in steps */

struct st {
	char		 dir[40];
	int		 dirfd;		/* of dir/journal */
	struct db	 db;
	struct ingest	*ingest;
	uint64_t	 stored;	/* what the last STORED said */
	bool		 over;
	unsigned	 commits;
	uint64_t	 seq;		/* of the last event of the story */
	struct journal	 journal;
	char		 run[INGEST_RUN_ID + 1];
};

static inline void
st_stored(void *arg, const char *run, uint64_t size, bool over)
{
	struct st	*st = arg;

	assert_int_equal(strlen(run), INGEST_RUN_ID);
	if (strcmp(run, st->run) != 0)
		return;
	assert_true(size >= st->stored);
	st->stored = size;
	st->over = st->over || over;
	st->commits++;
}

static inline void
st_open_db(struct st *st)
{
	assert_int_equal(db_init(&st->db, st->dir), 0);
	assert_int_equal(db_open(&st->db), 0);
	st->ingest = ingest_new(&st->db, st_stored, st);
	assert_non_null(st->ingest);
}

static inline void
st_close_db(struct st *st)
{
	ingest_free(st->ingest);
	st->ingest = NULL;
	db_free(&st->db);
}

static inline void
st_make_folder(struct st *st)
{
	char	path[64];

	memset(st, 0, sizeof *st);
	(void)snprintf(st->dir, sizeof st->dir, "/tmp/paratest-unit.XXXXXX");
	assert_non_null(mkdtemp(st->dir));
	(void)snprintf(path, sizeof path, "%s/journal", st->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	st->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(st->dirfd >= 0);
	(void)snprintf(st->run, sizeof st->run, "%s", ST_RUN);
}

static inline void
st_remove_folder(struct st *st)
{
	journal_close(&st->journal);
	(void)close(st->dirfd);
	assert_int_equal(rmtree_at(AT_FDCWD, st->dir), 0);
}

static inline int
st_open(void **state)
{
	struct st	*st = malloc(sizeof *st);

	assert_non_null(st);
	st_make_folder(st);
	st_open_db(st);
	*state = st;
	return 0;
}

static inline int
st_close(void **state)
{
	struct st	*st = *state;

	st_close_db(st);
	st_remove_folder(st);
	free(st);
	return 0;
}

/* ---- a story, written as the supervisor does ---- */

static inline void
st_put(struct st *st, enum msg_type type, const void *msg)
{
	assert_int_equal(journal_put(&st->journal, type, msg, NULL), 0);
}

static inline void
st_event(struct st *st, enum event_type type, struct msg_event *ev)
{
	ev->type = type;
	ev->seq = ++st->seq;
	ev->t_ms = ST_START_MS + ev->seq;
	ev->run = sv_from(st->run);
	st_put(st, MSG_EVENT, ev);
}

/* The plan: `n` tests called t0, t1 ... of the suite "s". */
static inline void
st_plan(struct st *st, uint64_t uid, unsigned n)
{
	static char		 many[] = "db=2";
	const struct sv		 slots[] = { { many, 4 } };
	struct msg_run_begin	 begin = { .name = SV_LIT("label"), .jobs = 2, .seed = 7,
	    .slots = { slots, 1 } };
	struct msg_jrn_run	 run = { .run = sv_from(st->run), .uid = uid, .jobs = 4 };
	struct sv		 argv[] = { SV_LIT("/bin/true") };
	struct msg_jrn_commit	 commit = { .tests = n, .start_ms = ST_START_MS };
	struct msg_event	 started = { .total = n, .jobs = 2, .seed = 7,
	    .name = SV_LIT("label"), .expected_us = 1000 };
	char			*body, name[24];

	assert_int_equal(journal_create(&st->journal, st->dirfd, st->run), 0);
	st->seq = 0;
	assert_int_equal(msg_encode(MSG_RUN_BEGIN, &begin, &body, &run.begin.n), 0);
	run.begin.p = body;
	st_put(st, MSG_JRN_RUN, &run);
	free(body);
	for (unsigned i = 0; i < n; i++) {
		struct msg_test_add	add = { .argv = { argv, 1 }, .cwd = SV_LIT("/"),
		    .suite = SV_LIT("s") };

		(void)snprintf(name, sizeof name, "t%u", i);
		add.name = sv_from(name);
		st_put(st, MSG_TEST_ADD, &add);
	}
	st_put(st, MSG_JRN_COMMIT, &commit);
	st_event(st, EVENT_RUN_STARTED, &started);
}

static inline void
st_start(struct st *st, unsigned test, unsigned attempt)
{
	struct msg_event	ev = { .has = MSG_BIT(event, index), .index = test,
	    .attempt = attempt, .worker = 1 };

	st_event(st, EVENT_ATTEMPT_STARTED, &ev);
}

static inline void
st_print(struct st *st, unsigned test, unsigned attempt, unsigned stream, const void *p, size_t n)
{
	for (size_t at = 0; at < n; at += 60000) {
		struct msg_jrn_output	m = { .test = test, .attempt = attempt, .stream = stream,
		    .data = { (const char *)p + at, n - at < 60000 ? n - at : 60000 } };

		st_put(st, MSG_JRN_OUTPUT, &m);
	}
}

static inline void
st_finish(struct st *st, unsigned test, unsigned attempt, enum outcome outcome)
{
	uint64_t		figures[FIGURE_COUNT];
	struct msg_event	ev = { .has = MSG_BIT(event, index) | MSG_BIT(event, outcome),
	    .index = test, .attempt = attempt, .worker = 1, .outcome = outcome,
	    .duration_us = 1000 * (test + 1), .start_ms = ST_START_MS + test,
	    .end_ms = ST_START_MS + test + 1, .cpu_us = 10, .max_rss = 1 << 20,
	    .figures = { figures, FIGURE_COUNT } };

	for (int i = 0; i < FIGURE_COUNT; i++)
		figures[i] = 100 * (test + 1) + (unsigned)i;
	if (outcome == OUTCOME_PASS || outcome == OUTCOME_FAIL) {
		ev.has |= MSG_BIT(event, exit_code);
		ev.exit_code = outcome == OUTCOME_FAIL;
	}
	if (outcome == OUTCOME_FAIL) {
		ev.error_message = SV_LIT("it failed");
		ev.error_category = CATEGORY_ASSERTION;
		ev.fingerprint = UINT64_C(0xfedcba9876543210);
		ev.failure = SV_LIT("alike");
	}
	st_event(st, EVENT_ATTEMPT_FINISHED, &ev);
}

static inline void
st_verdict(struct st *st, unsigned test, enum test_status status, unsigned attempts, bool flaky)
{
	struct msg_event	ev = { .has = MSG_BIT(event, index) | MSG_BIT(event, status),
	    .index = test, .status = status, .attempts = attempts,
	    .retries = attempts > 1 ? attempts - 1 : 0, .flaky = flaky };

	st_event(st, EVENT_TEST_FINISHED, &ev);
}

static inline void
st_end(struct st *st, unsigned total)
{
	struct msg_event	ev = { .has = MSG_BIT(event, status), .status = RUN_PASSED,
	    .total = total, .passed = total, .duration_us = 9000, .sequential_us = 20000,
	    .workers_used = 2, .start_ms = ST_START_MS, .end_ms = ST_START_MS + 9 };

	st_event(st, EVENT_RUN_FINISHED, &ev);
}

static inline void
st_large(char buf[ST_LARGE])
{
	uint64_t	x = 88172645463325252;

	for (int i = 0; i < ST_LARGE; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf[i] = (char)x;
	}
}

/* What docs/history.md speaks of, all of it once. */
static inline void
st_story(struct st *st)
{
	static char		 large[ST_LARGE];
	struct msg_event	 retry = { .has = MSG_BIT(event, index), .index = 1, .attempt = 1,
	    .decision = RETRY_GRANTED, .message = SV_LIT("the rule exit:1") };

	st_large(large);
	st_plan(st, 1000, 6);
	st_start(st, 0, 1);
	st_start(st, 1, 1);
	st_print(st, 0, 1, 1, "hello ", 6);
	st_print(st, 1, 1, 2, "no\n", 3);
	st_print(st, 0, 1, 1, "world\n", 6);
	st_finish(st, 0, 1, OUTCOME_PASS);
	st_verdict(st, 0, TEST_PASS, 1, false);
	st_finish(st, 1, 1, OUTCOME_FAIL);
	st_event(st, EVENT_RETRY_SCHEDULED, &retry);
	st_verdict(st, 2, TEST_SKIP, 0, false);
	st_start(st, 3, 1);
	st_start(st, 1, 2);
	st_finish(st, 1, 2, OUTCOME_PASS);
	st_verdict(st, 1, TEST_PASS, 2, true);
	st_finish(st, 3, 1, OUTCOME_LOST);
	st_start(st, 4, 1);
	st_print(st, 4, 1, 1, large, sizeof large);
	st_start(st, 3, 2);
	st_finish(st, 3, 2, OUTCOME_PASS);
	st_verdict(st, 3, TEST_PASS, 2, false);
	st_start(st, 5, 1);
	st_finish(st, 4, 1, OUTCOME_PASS);
	st_verdict(st, 4, TEST_PASS, 1, false);
	st_print(st, 5, 1, 1, "hello world\n", 12);
	st_finish(st, 5, 1, OUTCOME_PASS);
	st_verdict(st, 5, TEST_PASS, 1, false);
	st_end(st, 6);
	assert_int_equal(journal_flush(&st->journal), 0);
}

/* ---- what became of it ---- */

/* Steps until there is nothing more to do. */
static inline void
st_settle(struct st *st)
{
	int	r = 1;

	for (unsigned i = 0; r == 1; i++) {
		assert_true(i < ST_STEPS);
		r = ingest_step(st->ingest);
	}
	assert_int_equal(r, 0);
}

static inline void
st_announce(struct st *st, uint64_t size, bool over)
{
	assert_int_equal(ingest_announce(st->ingest, sv_from(st->run), size, over), 0);
}

static inline int64_t
st_number(struct st *st, const char *sql)
{
	sqlite3_stmt	*s;
	int64_t		 v;

	if (sqlite3_prepare_v2(st->db.sql, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(st->db.sql));
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	v = sqlite3_column_int64(s, 0);
	assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
	return v;
}

static inline void
st_dump_table(sqlite3 *sql, const char *table, FILE *f)
{
	char		 text[64];
	sqlite3_stmt	*s;

	(void)snprintf(text, sizeof text, "SELECT * FROM %s ORDER BY 1, 2", table);
	assert_int_equal(sqlite3_prepare_v2(sql, text, -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW) {
		(void)fprintf(f, "%s:", table);
		for (int i = 0; i < sqlite3_column_count(s); i++) {
			int			 n = sqlite3_column_bytes(s, i);
			const unsigned char	*p = sqlite3_column_blob(s, i);

			(void)fprintf(f, " %s=", sqlite3_column_name(s, i));
			if (sqlite3_column_type(s, i) == SQLITE_NULL)
				(void)fprintf(f, "NULL");
			else if (sqlite3_column_type(s, i) != SQLITE_BLOB)
				(void)fprintf(f, "%s", (const char *)sqlite3_column_text(s, i));
			for (int k = 0; k < n && sqlite3_column_type(s, i) == SQLITE_BLOB; k++)
				(void)fprintf(f, "%02x", p[k]);
		}
		(void)fprintf(f, "\n");
	}
	assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
}

/* All of the database as text, to be freed. */
static inline char *
st_dump(struct st *st)
{
	static const char *const	tables[] = { "runs", "tests", "recent", "specs",
	    "run_tests", "outputs", "attempts", "event_log", "storms" };
	char				*text;
	size_t				 n;
	FILE				*f = open_memstream(&text, &n);

	assert_non_null(f);
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		st_dump_table(st->db.sql, tables[i], f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(st_number(st, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	return text;
}

/* The same story, told without an interruption. */
static inline char *
st_reference(void)
{
	struct st	 st;
	char		*text;

	st_make_folder(&st);
	st_open_db(&st);
	st_story(&st);
	st_announce(&st, journal_size(&st.journal), true);
	st_settle(&st);
	assert_true(st.over);
	text = st_dump(&st);
	st_close_db(&st);
	st_remove_folder(&st);
	return text;
}

#define WITH_STORE(f)	cmocka_unit_test_setup_teardown(f, st_open, st_close)

#endif

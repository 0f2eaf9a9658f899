/* Unit tests of store/ingest.c: what a journal says is in the database, once. */
#include "tests/unit/store_fixture.h"
#include "tests/unit/journal_fixture.h"

#include <zstd.h>

#define N(st, sql)	st_number(st, sql)

static void
announce_all(struct st *st)
{
	assert_int_equal(journal_flush(&st->journal), 0);
	st_announce(st, journal_size(&st->journal), true);
}

static void
assert_output(struct st *st, unsigned test, const char *want, size_t n)
{
	char	*got, sql[96];
	size_t	 size;

	(void)snprintf(sql, sizeof sql, "SELECT output FROM attempts WHERE idx = %u", test);
	assert_int_equal(blob_load(&st->db, N(st, sql), &got, &size), 0);
	assert_int_equal(size, n);
	assert_memory_equal(got, want, n);
	free(got);
}

static void
assert_runs_and_attempts(struct st *st)
{
	assert_int_equal(N(st, "SELECT count(*) FROM runs WHERE run = '" ST_RUN "' AND uid = 1000"
	    " AND label = 'label' AND status = 1 AND jobs = 2 AND seed = 7 AND total = 6"
	    " AND passed = 6 AND end_ms = start_ms + 9 AND duration_us = 9000"
	    " AND sequential_us = 20000 AND workers_used = 2 AND expected_us = 1000"
	    " AND slots IS NOT NULL AND parent IS NULL AND size_bytes > 200000"), 1);
	/* The first attempts of t1 (2 ms) and t3 (4 ms) were run again. */
	assert_int_equal(N(st, "SELECT wasted_us FROM runs"), 6000);
	assert_int_equal(N(st, "SELECT count(*) FROM attempts"), 7);
	assert_int_equal(N(st, "SELECT count(*) FROM attempts WHERE outcome IS NOT NULL"
	    " AND duration_us = 1000 * (idx + 1) AND user_us = 100 * (idx + 1)"
	    " AND queued_us = 100 * (idx + 1) + 13 AND cpu_us = 10"
	    " AND device_read_bytes = queued_us + 1 AND device_write_bytes = queued_us + 2"), 7);
	assert_int_equal(N(st, "SELECT count(*) FROM attempts WHERE idx = 1 AND attempt = 1"
	    " AND outcome = 1 AND exit_code = 1 AND signal IS NULL AND decision = 1"
	    " AND reason = 'the rule exit:1' AND error_message = 'it failed'"
	    " AND failure = 'alike' AND fingerprint = -81985529216486896"), 1);
	assert_int_equal(N(st, "SELECT count(*) FROM attempts WHERE idx = 3 AND attempt = 1"
	    " AND outcome = 7 AND exit_code IS NULL"), 1);
	assert_int_equal(N(st, "SELECT count(*) FROM run_tests WHERE status = 0"), 5);
	assert_int_equal(N(st, "SELECT count(*) FROM run_tests WHERE idx = 2 AND status = 2"), 1);
	assert_int_equal(N(st, "SELECT count(*) FROM run_tests WHERE idx = 1 AND flaky = 1"
	    " AND attempts = 2 AND retries = 1"), 1);
}

static void
assert_tests(struct st *st)
{
	assert_int_equal(N(st, "SELECT count(*) FROM tests WHERE uid = 1000 AND suite = 's'"), 6);
	assert_int_equal(N(st, "SELECT sum(attempts) FROM tests"), 6);	/* one was lost */
	assert_int_equal(N(st, "SELECT sum(passes) FROM tests"), 5);
	assert_int_equal(N(st, "SELECT sum(flaky) FROM tests"), 1);
	assert_int_equal(N(st, "SELECT count(*) FROM tests WHERE name = 't1' AND attempts = 2"
	    " AND passes = 1 AND failures = 1 AND flaky = 1 AND total_us = 4000"
	    " AND wasted_us = 2000 AND last_outcome = 0 AND mu > 7.6 AND mu < 7.61 AND dev > 0"
	    " AND length(newest) < (SELECT length(list) FROM recent WHERE test = tests.id)"), 1);
	assert_int_equal(N(st, "SELECT count(*) FROM tests WHERE name = 't2' AND attempts = 0"
	    " AND mu = 0 AND newest IS NULL"), 1);
}

static void
a_story_is_told_in_full(void **state)
{
	static char	 large[ST_LARGE + 5] = "\1\0\3\15\100";
	struct st	*st = *state;

	st_story(st);
	st_announce(st, journal_size(&st->journal), true);
	st_settle(st);
	assert_true(st->over);
	assert_int_equal(st->stored, journal_size(&st->journal));
	assert_runs_and_attempts(st);
	assert_tests(st);
	assert_int_equal(N(st, "SELECT sum(events) FROM event_log"), st->seq);
	assert_int_equal(N(st, "SELECT min(first_seq) FROM event_log"), 1);
	assert_int_equal(N(st, "SELECT count(*) FROM specs"), 6);
	/* Pieces of a stream are one; equal outputs are kept once. */
	assert_int_equal(N(st, "SELECT count(*) FROM outputs"), 3);
	assert_output(st, 0, "\1\0\0\0\14hello world\n", 17);
	assert_output(st, 5, "\1\0\0\0\14hello world\n", 17);
	assert_output(st, 1, "\2\0\0\0\3no\n", 8);
	st_large(large + 5);
	assert_output(st, 4, large, sizeof large);
	assert_int_equal(N(st, "SELECT data IS NULL FROM outputs WHERE size_bytes > 100000"), 1);
}

/* Every length that a supervisor can have announced, and a restart there. */
static void
a_restart_anywhere_changes_nothing(void **state)
{
	char			*want = st_reference(), *got;
	struct journal_reader	 rd;
	enum msg_type		 type;
	struct sv		 body;
	struct st		 st;
	uint64_t		 sizes[80];
	unsigned		 n = 0;

	(void)state;
	st_make_folder(&st);
	st_story(&st);
	journal_reader_init(&rd, st.journal.fd, 0, UINT64_MAX);
	while (journal_next(&rd, &type, &body) == 1) {
		assert_true(n < 80);
		sizes[n++] = rd.at;
	}
	journal_reader_free(&rd);
	assert_true(n > 30);
	for (unsigned i = 0; i < n; i++) {
		st_open_db(&st);
		st_announce(&st, sizes[i], false);
		st_settle(&st);
		assert_false(st.over);
		assert_true(st.stored == sizes[i] || (st.stored == 0 && i < 7));
		st_close_db(&st);
		st_open_db(&st);
		st_announce(&st, sizes[n - 1], true);
		st_settle(&st);
		assert_true(st.over);
		got = st_dump(&st);
		assert_string_equal(got, want);
		free(got);
		st_close_db(&st);
		assert_int_equal(unlinkat(st.dirfd, "../history.db", 0), 0);
		st.stored = 0;
		st.over = false;
	}
	/* And one restart after each record. */
	for (unsigned i = 0; i < n; i++) {
		st_open_db(&st);
		st_announce(&st, sizes[i], i == n - 1);
		st_settle(&st);
		if (i < n - 1)
			st_close_db(&st);
	}
	got = st_dump(&st);
	assert_string_equal(got, want);
	free(got);
	free(want);
	st_close_db(&st);
	st_remove_folder(&st);
}

/* As after a power cut that took the journal's tail and left the database. */
static void
reading_it_all_again_counts_nothing_twice(void **state)
{
	struct st	*st = *state;
	char		*want = st_reference(), *got;
	uint64_t	 size;

	st_story(st);
	size = journal_size(&st->journal);
	st_announce(st, size, false);
	st_settle(st);
	st->stored = 0;
	st_announce(st, size - 1, false);	/* less than what was read */
	st_settle(st);
	assert_true(st->stored > 0 && st->stored < size);
	st_announce(st, size, true);
	st_settle(st);
	assert_int_equal(N(st, "SELECT sum(attempts) FROM tests"), 6);
	assert_int_equal(N(st, "UPDATE runs SET size_bytes = 0 RETURNING id"), 1);
	assert_int_equal(N(st, "SELECT sum(events) FROM event_log"), st->seq);
	got = st_dump(st);
	/* But for the size, which is only about right. */
	assert_string_equal(strchr(got, '\n'), strchr(want, '\n'));
	free(got);
	free(want);
}

static void
what_is_over_is_removed_and_asked_again(void **state)
{
	struct st	*st = *state;
	char		*want, *got;

	st_story(st);
	announce_all(st);
	st_settle(st);
	want = st_dump(st);
	assert_int_equal(unlinkat(st->dirfd, st->run, 0), 0);
	st->over = false;
	announce_all(st);
	st_settle(st);
	assert_true(st->over);
	got = st_dump(st);
	assert_string_equal(got, want);
	free(got);
	free(want);
}

static void
a_plan_that_is_not_whole_is_no_run(void **state)
{
	struct st		*st = *state;
	struct msg_jrn_run	 run = { .run = sv_from(st->run), .begin = SV_LIT("\200") };

	assert_int_equal(journal_create(&st->journal, st->dirfd, st->run), 0);
	st_put(st, MSG_JRN_RUN, &run);
	assert_int_equal(journal_flush(&st->journal), 0);
	st_announce(st, journal_size(&st->journal), false);
	st_settle(st);
	assert_int_equal(st->commits, 0);
	assert_int_equal(N(st, "SELECT count(*) FROM runs"), 0);
}

/* ---- bounds ---- */

struct counter {
	sqlite3	*sql;
	int64_t	 before, most;
};

static int
on_commit(void *arg)
{
	struct counter	*c = arg;
	int64_t		 now = sqlite3_total_changes64(c->sql);

	if (now - c->before > c->most)
		c->most = now - c->before;
	c->before = now;
	return 0;
}

static void
a_transaction_is_bounded(void **state)
{
	struct st	*st = *state;
	struct counter	 c = { st->db.sql, sqlite3_total_changes64(st->db.sql), 0 };

	(void)sqlite3_commit_hook(st->db.sql, on_commit, &c);
	st_plan(st, 1000, 700);
	for (unsigned i = 0; i < 700; i++) {
		st_start(st, i, 1);
		st_print(st, i, 1, 1, &i, sizeof i);
		st_finish(st, i, 1, OUTCOME_PASS);
		st_verdict(st, i, TEST_PASS, 1, false);
	}
	st_end(st, 700);
	announce_all(st);
	st_settle(st);
	(void)sqlite3_commit_hook(st->db.sql, NULL, NULL);
	assert_true(st->over);
	assert_true(c.most > 0 && c.most <= INGEST_ROWS);	/* fewer where 100 ms are little */
	assert_int_equal(N(st, "SELECT count(*) FROM attempts WHERE outcome = 0"), 700);
	assert_int_equal(N(st, "SELECT sum(attempts) FROM tests"), 700);
	assert_true(N(st, "SELECT max(size_bytes) FROM event_log") < 66000);
	assert_true(N(st, "SELECT count(*) FROM event_log") > 2);
	assert_int_equal(N(st, "SELECT sum(events) FROM event_log"), st->seq);
}

static void
a_second_run_adds_to_the_same_tests(void **state)
{
	struct st	*st = *state;

	st_story(st);
	announce_all(st);
	journal_close(&st->journal);
	st->run[0] = 'f';
	st_story(st);
	announce_all(st);	/* both at once */
	st_settle(st);
	assert_int_equal(N(st, "SELECT count(*) FROM runs WHERE end_ms IS NOT NULL"), 2);
	assert_int_equal(N(st, "SELECT count(*) FROM attempts"), 14);
	assert_int_equal(N(st, "SELECT count(*) FROM tests"), 6);
	assert_int_equal(N(st, "SELECT sum(attempts) FROM tests"), 12);
	assert_int_equal(N(st, "SELECT count(*) FROM specs"), 6);
	assert_int_equal(N(st, "SELECT count(*) FROM outputs"), 3);
}

/* The definition of test t0 in the run of row `run`, to be freed. */
static char *
definition(struct st *st, int64_t run, size_t *ret_n)
{
	char		 sql[200], *got = malloc(4096);
	sqlite3_stmt	*s;

	(void)snprintf(sql, sizeof sql, "SELECT s.data, s.size_bytes FROM run_tests t JOIN specs s"
	    " ON s.id = t.spec WHERE t.run = %lld AND t.idx = 0", (long long)run);
	assert_non_null(got);
	assert_int_equal(sqlite3_prepare_v2(st->db.sql, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	*ret_n = ZSTD_decompress(got, 4096, sqlite3_column_blob(s, 0),
	    (size_t)sqlite3_column_bytes(s, 0));
	assert_int_equal(*ret_n, sqlite3_column_int64(s, 1));
	(void)sqlite3_finalize(s);
	return got;
}

static void
one_more_run(struct st *st, char digit, uint64_t uid)
{
	journal_close(&st->journal);
	st->run[0] = digit;
	st->stored = 0;
	st_plan(st, uid, 6);
	st_end(st, 6);
	announce_all(st);
	st_settle(st);
}

/* What is run again is what was run: whoever can make two definitions of one hash, and
 * whoever else has one of that hash. */
static void
a_definition_is_compared_and_is_its_users_own(void **state)
{
	struct st	*st = *state;
	char		*want, *got;
	size_t		 n, len;

	st_story(st);
	announce_all(st);
	st_settle(st);
	want = definition(st, 1, &n);
	one_more_run(st, 'e', 2000);
	assert_int_equal(N(st, "SELECT count(*) FROM specs"), 12);
	/* That of t1, as long, under the hash of t0. */
	assert_int_equal(N(st, "UPDATE specs SET data = (SELECT data FROM specs WHERE id = 2)"
	    " WHERE id = 1 RETURNING 1"), 1);
	one_more_run(st, 'd', 1000);
	assert_int_equal(N(st, "SELECT count(*) FROM specs"), 13);
	got = definition(st, 3, &len);
	assert_int_equal(len, n);
	assert_memory_equal(got, want, n);
	free(got);
	/* One that is damaged is made whole. */
	assert_int_equal(N(st, "UPDATE specs SET data = x'00' WHERE id = 1 RETURNING 1"), 1);
	one_more_run(st, 'c', 1000);
	assert_int_equal(N(st, "SELECT count(*) FROM specs"), 13);
	got = definition(st, 1, &len);
	assert_int_equal(len, n);
	assert_memory_equal(got, want, n);
	free(got);
	free(want);
}

/* ---- a record that ends too early ---- */

/* The last event on record of a run. */
static void
last_event(struct st *st, struct msg_reader *rd, char *buf, struct msg_event *ret)
{
	sqlite3_stmt	*s;
	union msg_body	 m;
	size_t		 n, len, at = 0;

	assert_int_equal(sqlite3_prepare_v2(st->db.sql, "SELECT data, size_bytes FROM event_log"
	    " ORDER BY first_seq DESC LIMIT 1", -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = ZSTD_decompress(buf, 65536, sqlite3_column_blob(s, 0),
	    (size_t)sqlite3_column_bytes(s, 0));
	assert_int_equal(n, sqlite3_column_int64(s, 1));
	(void)sqlite3_finalize(s);
	for (;; at += MSG_HEADER + len) {
		const uint8_t	*p = (const uint8_t *)buf + at;

		len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
		if (at + MSG_HEADER + len == n)
			break;
		assert_true(at + MSG_HEADER + len < n);
	}
	assert_int_equal(msg_decode(rd, MSG_EVENT, buf + at + MSG_HEADER, len, &m, NULL), 0);
	*ret = m.event;
}

static void
a_run_whose_journal_is_gone_is_ended(void **state)
{
	static char		 buf[65536];
	struct st		*st = *state;
	struct msg_reader	*rd = msg_reader_new();
	struct msg_event	 ev;

	st_plan(st, 1000, 4);
	st_start(st, 0, 1);
	st_start(st, 1, 1);
	st_finish(st, 0, 1, OUTCOME_PASS);
	st_verdict(st, 0, TEST_PASS, 1, false);
	assert_int_equal(journal_flush(&st->journal), 0);
	st_announce(st, journal_size(&st->journal), false);
	st_settle(st);
	ingest_forget(st->ingest);
	assert_int_equal(ingest_end_lost(st->ingest), 0);	/* its journal is there */
	assert_int_equal(N(st, "SELECT count(*) FROM runs WHERE end_ms IS NULL"), 1);
	assert_int_equal(unlinkat(st->dirfd, st->run, 0), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ingest_end_lost(st->ingest), 0);
		assert_int_equal(N(st, "SELECT count(*) FROM runs WHERE end_ms > start_ms"
		    " AND duration_us = (end_ms - start_ms) * 1000 AND sequential_us = 1000"
		    " AND passed = 1 AND failed = 0 AND message LIKE '%record ends here%'"), 1);
		assert_int_equal(N(st, "SELECT status FROM runs"), RUN_ERROR);
		assert_int_equal(N(st, "SELECT outcome FROM attempts WHERE idx = 1"), OUTCOME_LOST);
		assert_int_equal(N(st, "SELECT sum(attempts) FROM tests"), 1);
	}
	last_event(st, rd, buf, &ev);
	assert_int_equal(ev.type, EVENT_RUN_FINISHED);
	assert_int_equal(ev.status, RUN_ERROR);
	assert_int_equal(ev.passed, 1);
	assert_int_equal(ev.total, 4);
	msg_reader_free(rd);
}

static void
a_run_that_is_over_without_a_last_event_is_ended(void **state)
{
	static char		 buf[65536];
	struct st		*st = *state;
	struct msg_reader	*rd = msg_reader_new();
	struct msg_event	 ev;

	st_plan(st, 1000, 1);
	st_start(st, 0, 1);
	announce_all(st);
	st_settle(st);
	assert_true(st->over);
	assert_int_equal(N(st, "SELECT status FROM runs WHERE end_ms IS NOT NULL"), RUN_ERROR);
	last_event(st, rd, buf, &ev);
	assert_int_equal(ev.type, EVENT_RUN_FINISHED);
	assert_int_equal(ev.seq, st->seq + 1);
	msg_reader_free(rd);
}

/* ---- what makes no sense ---- */

static void
a_name_that_is_none_is_refused(void **state)
{
	struct st	*st = *state;

	assert_int_equal(ingest_announce(st->ingest, SV_LIT("../../../../../../../etc/passwd1"),
	    1, true), -EINVAL);
	assert_int_equal(ingest_announce(st->ingest, SV_LIT(""), 1, true), -EINVAL);
	assert_int_equal(ingest_announce(st->ingest, sv_from(ST_RUN "0"), 1, true), -EINVAL);
	assert_int_equal(ingest_announce(st->ingest, sv_from(st->run), UINT64_MAX, true), -EINVAL);
	assert_int_equal(ingest_step(st->ingest), 0);
}

static void
records_without_sense_are_left_out(void **state)
{
	struct st		*st = *state;
	struct msg_event	 ev = { .has = MSG_BIT(event, index), .index = 99, .attempt = 1 };
	struct msg_jrn_output	 out = { .test = 7, .attempt = 1, .stream = 1,
	    .data = SV_LIT("x") };

	st_plan(st, 1000, 2);
	st_event(st, EVENT_ATTEMPT_STARTED, &ev);
	st_event(st, EVENT_ATTEMPT_FINISHED, &ev);
	st_event(st, EVENT_TEST_FINISHED, &ev);
	ev.index = 0;
	ev.attempt = UINT64_MAX;
	st_event(st, EVENT_ATTEMPT_STARTED, &ev);
	ev.attempt = 1;
	ev.outcome = 1000;
	ev.decision = 1000;
	ev.status = 1000;
	st_event(st, EVENT_ATTEMPT_FINISHED, &ev);
	st_event(st, EVENT_RETRY_REFUSED, &ev);
	st_event(st, EVENT_RUN_FINISHED, &ev);
	st_event(st, (enum event_type)999, &ev);
	st_put(st, MSG_JRN_OUTPUT, &out);
	out.test = 0;
	out.stream = 3;
	st_put(st, MSG_JRN_OUTPUT, &out);
	assert_int_equal(journal_append(&st->journal, MSG_EVENT, "junk", 4, NULL), 0);
	assert_int_equal(journal_append(&st->journal, MSG_PING, "", 0, NULL), 0);
	ev = (struct msg_event){ .has = MSG_BIT(event, index), .attempt = 1, .duration_us =
	    UINT64_MAX, .start_ms = UINT64_MAX, .worker = UINT64_MAX, .outcome = OUTCOME_PASS };
	st_event(st, EVENT_ATTEMPT_FINISHED, &ev);	/* without a start, and too long */
	st_end(st, 2);
	announce_all(st);
	st_settle(st);
	assert_true(st->over);
	assert_int_equal(N(st, "SELECT count(*) FROM attempts"), 1);
	assert_int_equal(N(st, "SELECT sum(attempts) FROM tests"), 1);
	assert_int_equal(N(st, "SELECT status FROM runs"), RUN_PASSED);
	/* Watchers saw them: they are in the log. */
	assert_int_equal(N(st, "SELECT sum(events) FROM event_log"), st->seq);
}

static void
a_damaged_journal_is_set_aside(void **state)
{
	struct st	*st = *state;
	struct jx	 jx;
	const char	*record;
	uint64_t	 size;

	jx_open(&jx);
	st_plan(st, 1000, 3);
	st_start(st, 0, 1);
	st_finish(st, 0, 1, OUTCOME_PASS);
	assert_int_equal(journal_flush(&st->journal), 0);
	size = journal_size(&st->journal);
	st_start(st, 1, 1);
	st_end(st, 3);
	assert_int_equal(journal_flush(&st->journal), 0);
	assert_int_equal(pwrite(st->journal.fd, "?", 1, (off_t)size + 20), 1);
	st_announce(st, journal_size(&st->journal), false);
	st_settle(st);
	assert_int_equal(st->stored, size);	/* it may be that it is only late */
	assert_int_equal(faccessat(st->dirfd, st->run, F_OK, 0), 0);
	announce_all(st);
	st_settle(st);
	assert_true(st->over);
	assert_int_equal(N(st, "SELECT status FROM runs WHERE end_ms IS NOT NULL"
	    " AND message LIKE '%journal is damaged'"), RUN_ERROR);
	assert_int_equal(N(st, "SELECT count(*) FROM attempts WHERE outcome = 0"), 1);
	assert_int_equal(faccessat(st->dirfd, st->run, F_OK, 0), -1);
	assert_int_equal(faccessat(st->dirfd, "../journal.damaged-" ST_RUN, F_OK, 0), 0);
	record = jx_find(&jx, "the journal cannot be read");
	assert_non_null(record);	/* whose and which, for who looks for it */
	assert_non_null(strstr(record, "\nPARATEST_RUN=" ST_RUN "\n"));
	assert_non_null(strstr(record, "\nPARATEST_UID=1000\n"));
	jx_close(&jx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_story_is_told_in_full),
		cmocka_unit_test(a_restart_anywhere_changes_nothing),
		WITH_STORE(reading_it_all_again_counts_nothing_twice),
		WITH_STORE(what_is_over_is_removed_and_asked_again),
		WITH_STORE(a_plan_that_is_not_whole_is_no_run),
		WITH_STORE(a_transaction_is_bounded),
		WITH_STORE(a_second_run_adds_to_the_same_tests),
		WITH_STORE(a_definition_is_compared_and_is_its_users_own),
		WITH_STORE(a_run_whose_journal_is_gone_is_ended),
		WITH_STORE(a_run_that_is_over_without_a_last_event_is_ended),
		WITH_STORE(a_name_that_is_none_is_refused),
		WITH_STORE(records_without_sense_are_left_out),
		WITH_STORE(a_damaged_journal_is_set_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

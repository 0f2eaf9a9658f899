/* Unit tests of store/query_log.c and store/query_output.c: a run as it was. */
#include "tests/unit/query_fixture.h"

#include <event2/buffer.h>

#include "common/event.h"

#define T0	UINT64_C(1700000000000)
#define RUN	"ab000000000000000000000000000000"

static union msg_body
since(uint64_t seq)
{
	return (union msg_body){ .run_watch = { .run = SV_LIT("ab"), .since = seq,
	    .no_follow = true } };
}

/* Event number seq, with all sorts of fields. */
static struct msg_event
event_of(uint64_t seq)
{
	return (struct msg_event){ .seq = seq, .t_ms = T0 + seq, .type = EVENT_ATTEMPT_FINISHED,
	    .run = SV_LIT(RUN), .test = SV_LIT("some test"), .has = MSG_BIT(event, outcome) |
	    MSG_BIT(event, index) | MSG_BIT(event, exit_code), .duration_us = seq * 1000,
	    .output = { "a\0b\n", 4 }, .flaky = seq % 2 };
}

/* Events first to last as a piece of the log; `hurt` is damaged as a body. */
static void
piece(struct db *db, uint64_t first, uint64_t last, uint64_t hurt)
{
	struct evbuffer		*buf = evbuffer_new();
	struct msg_event	 ev;
	char			 sql[200];
	unsigned char		*p;
	size_t			 n, at;

	assert_non_null(buf);
	for (uint64_t seq = first; seq <= last; seq++) {
		at = evbuffer_get_length(buf);
		ev = event_of(seq);
		assert_int_equal(msg_put_event(buf, 0, &ev), 0);
		if (seq == hurt)
			evbuffer_pullup(buf, -1)[at + MSG_HEADER] = 0xc1;
	}
	n = evbuffer_get_length(buf);
	p = evbuffer_pullup(buf, -1);
	(void)snprintf(sql, sizeof sql, "INSERT INTO event_log VALUES (1, %d, %d, %zu, ?)",
	    (int)first, (int)(last - first + 1), n);
	qx_blob(db, sql, p, n, true);
	evbuffer_free(buf);
}

/* Messages i and on are the events first to last. */
static size_t
assert_events(const struct qx_answer *a, size_t i, uint64_t first, uint64_t last)
{
	for (uint64_t seq = first; seq <= last; seq++, i++) {
		struct msg_event	 ev = event_of(seq);
		char			*data;
		size_t			 n;

		assert_int_equal(qx_at(a, i, MSG_EVENT)->event.seq, seq);
		assert_int_equal(msg_encode(MSG_EVENT, &ev, &data, &n), 0);
		assert_int_equal(a->frames[i].n, n);	/* byte by byte as it was */
		assert_memory_equal(a->frames[i].data, data, n);
		free(data);
	}
	return i;
}

static void
events_as_they_were(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;

	qx_run(db, 1, "ab", QX_UID, T0);
	a = qx_ask(db, QX_UID, MSG_RUN_WATCH, since(0));
	qx_end(&a, 0, false);
	qx_free(&a);
	piece(db, 1, 30, 0);
	piece(db, 31, 31, 0);
	piece(db, 32, 75, 0);
	for (uint64_t seq = 0; seq <= 80; seq++) {
		uint64_t	first = seq == 0 ? 1 : seq, n = first <= 75 ? 76 - first : 0;

		a = qx_ask(db, QX_UID, MSG_RUN_WATCH, since(seq));
		assert_int_equal(a.n, n + 1);
		(void)assert_events(&a, 0, first, 75);
		qx_end(&a, n, false);
		qx_free(&a);
	}
	a = qx_ask(db, QX_UID, MSG_RUN_WATCH, since(UINT64_MAX));
	qx_end(&a, 0, false);
	qx_free(&a);
	qx_error(db, QX_OTHER, MSG_RUN_WATCH, since(0), "there is no run 'ab'",
	    "paratestctl runs lists them");
}

/* What is damaged is left out; numbers and END_OF say so. */
static void
damaged_log(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;
	size_t			 i;

	qx_run(db, 1, "ab", QX_UID, T0);
	piece(db, 1, 10, 4);
	piece(db, 11, 20, 0);
	piece(db, 21, 30, 30);
	piece(db, 41, 50, 0);
	qx_blob(db, "UPDATE event_log SET data = ? WHERE first_seq = 11", "junk", 4, false);
	a = qx_ask(db, QX_UID, MSG_RUN_WATCH, since(2));
	i = assert_events(&a, 0, 2, 3);
	i = assert_events(&a, i, 5, 10);
	i = assert_events(&a, i, 21, 29);
	i = assert_events(&a, i, 41, 50);
	assert_int_equal(a.n, i + 1);
	qx_end(&a, 27, true);
	qx_free(&a);
	a = qx_ask(db, QX_UID, MSG_RUN_WATCH, since(41));
	qx_end(&a, 10, false);
	qx_free(&a);
	qx_sql(db, "UPDATE event_log SET size_bytes = size_bytes - 3 WHERE first_seq = 41");
	a = qx_ask(db, QX_UID, MSG_RUN_WATCH, since(41));
	qx_end(&a, 0, true);
	qx_free(&a);
	/* numbers that are none: no endless answer */
	qx_sql(db, "UPDATE event_log SET first_seq = 4611686018427387904 WHERE first_seq = 21;"
	    "UPDATE event_log SET events = 9223372036854775807 WHERE first_seq = 1");
	a = qx_ask(db, QX_UID, MSG_RUN_WATCH, since(0));
	(void)assert_events(&a, 0, 1, 3);
	assert_true(qx_at(&a, a.n - 1, MSG_END_OF)->end_of.truncated);
	qx_free(&a);
}

/* Frames that are cut off, or are something else. */
static void
hostile_frames(void **state)
{
	static const struct { const char *data; size_t n; } bad[] = {
		{ "\0\0\0\1\0\x25\0\0\0\0\0", 11 }, { "\0\0\0\1\0\x25\0\0\0\0\0\0", 12 },
		{ "\xff\xff\xff\xff\0\x25\0\0\0\0\0\0\x80", 13 },
		{ "\0\0\0\1\0\x26\0\0\0\0\0\0\x80", 13 }, { "\0\0\0\1\0\x25\0\0\0\0\0\0\x80", 13 },
		{ "", 0 },
	};
	struct db		*db = *state;
	struct qx_answer	 a;
	char			 sql[100];

	qx_run(db, 1, "ab", QX_UID, T0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		qx_sql(db, "DELETE FROM event_log");
		(void)snprintf(sql, sizeof sql, "INSERT INTO event_log VALUES (1, 1, 1, %zu, ?)",
		    bad[i].n);
		qx_blob(db, sql, bad[i].data, bad[i].n, true);
		piece(db, 2, 3, 0);
		a = qx_ask(db, QX_UID, MSG_RUN_WATCH, since(0));
		(void)assert_events(&a, 0, 2, 3);
		qx_end(&a, 2, true);
		qx_free(&a);
	}
}

/* ---- output ---- */

static union msg_body
output(const char *test, uint64_t attempt, uint64_t streams)
{
	return (union msg_body){ .output_read = { .run = SV_LIT("ab"), .test = sv_from(test),
	    .attempt = attempt, .streams = streams } };
}

/* Run 1 with the tests "talks" (attempts 1 and 2) and "never ran". */
static void
talking(struct db *db)
{
	static const char	text[] =
	    "\1\0\0\0\6hello\n" "\2\0\0\0\5oops\n" "\1\0\0\0\0" "\1\0\0\0\4bye\n";

	qx_run(db, 1, "ab", QX_UID, T0);
	qx_test(db, 1, QX_UID, "s", "talks");
	qx_test(db, 2, QX_UID, "s", "never ran");
	qx_test(db, 3, QX_UID, "s", "of another run");
	qx_sql(db, "INSERT INTO specs VALUES (1, 1000, zeroblob(16), 1, x'00');"
	    "INSERT INTO run_tests (run, idx, test, spec) VALUES (1, 0, 1, 1), (1, 1, 2, 1)");
	qx_blob(db, "INSERT INTO outputs VALUES (1, 1000, zeroblob(16), 36, 1, ?)", text,
	    sizeof text - 1, true);
	qx_sql(db, "UPDATE outputs SET size_bytes = %zu", sizeof text - 1);
	qx_attempt(db, 1, 0, 1, 1, OUTCOME_FAIL, T0, 5);
	qx_attempt(db, 1, 0, 2, 1, OUTCOME_PASS, T0, 5);
	qx_sql(db, "UPDATE attempts SET output = 1, output_bytes = 15 WHERE attempt = 1");
}

static void
both_streams_and_each(void **state)
{
	static const struct { uint64_t streams; const char *text; } cases[] = {
		{ 0, "hello\noops\nbye\n" }, { 3, "hello\noops\nbye\n" }, { 1, "hello\nbye\n" },
		{ 2, "oops\n" }, { 4, "hello\noops\nbye\n" },
	};
	struct db		*db = *state;
	struct qx_answer	 a;
	char			 got[64];

	talking(db);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t	n = 0;

		a = qx_ask(db, QX_UID, MSG_OUTPUT_READ, output("talks", 1, cases[i].streams));
		for (size_t j = 0; j + 1 < a.n; j++) {
			struct sv	d = qx_at(&a, j, MSG_OUTPUT_CHUNK)->output_chunk.data;

			memcpy(got + n, d.p, d.n);
			n += d.n;
			assert_int_equal(a.frames[j].body.output_chunk.stream,
			    memcmp(d.p, "oops", 4) == 0 ? 2 : 1);
		}
		got[n] = '\0';
		assert_string_equal(got, cases[i].text);
		qx_end(&a, n, false);
		qx_free(&a);
	}
}

static void
which_attempt(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;

	talking(db);
	a = qx_ask(db, QX_UID, MSG_OUTPUT_READ, output("talks", 0, 3));	/* the last: silent */
	qx_end(&a, 0, false);
	assert_int_equal(a.n, 1);
	qx_free(&a);
	a = qx_ask(db, QX_UID, MSG_OUTPUT_READ, output("never ran", 0, 3));
	qx_end(&a, 0, false);
	qx_free(&a);
	qx_error(db, QX_UID, MSG_OUTPUT_READ, output("talks", 3, 3),
	    "test 'talks' has no attempt 3", "");
	qx_error(db, QX_UID, MSG_OUTPUT_READ, output("never ran", 1, 3),
	    "test 'never ran' has no attempt 1", "");
	qx_error(db, QX_UID, MSG_OUTPUT_READ, output("of another run", 0, 3),
	    "run ab000000 has no test 'of another run'", "paratestctl show RUN lists its tests");
	qx_error(db, QX_UID, MSG_OUTPUT_READ, output("nothing", 0, 3),
	    "run ab000000 has no test 'nothing'", "paratestctl show RUN lists its tests");
	qx_error(db, QX_OTHER, MSG_OUTPUT_READ, output("talks", 1, 3), "there is no run 'ab'",
	    "paratestctl runs lists them");
	a = qx_ask(db, 0, MSG_OUTPUT_READ, output("talks", 1, 3));
	qx_end(&a, 15, false);
	qx_free(&a);
}

static void
damaged_output(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;
	static const struct { const char *data; size_t n; } bad[] = {
		{ "\1\0\0\0\2ab\1\0\0\0", 11 }, { "\1\0\0\0\2ab\1\0\0\0\2c", 13 },
		{ "\1\0\0\0\2ab\3\0\0\0\1c", 13 }, { "\1\0\0\0\2ab\1\xff\xff\xff\xff", 12 },
	};

	talking(db);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		qx_blob(db, "UPDATE outputs SET data = ?", bad[i].data, bad[i].n, true);
		qx_sql(db, "UPDATE outputs SET size_bytes = %zu", bad[i].n);
		a = qx_ask(db, QX_UID, MSG_OUTPUT_READ, output("talks", 1, 3));
		assert_int_equal(a.n, 2);
		qx_end(&a, 2, true);
		qx_free(&a);
	}
	qx_blob(db, "UPDATE outputs SET data = ?", "junk", 4, false);
	a = qx_ask(db, QX_UID, MSG_OUTPUT_READ, output("talks", 1, 3));
	assert_int_equal(a.n, 1);
	qx_end(&a, 0, true);
	qx_free(&a);
	qx_sql(db, "UPDATE attempts SET output = NULL");	/* printed, and nothing kept */
	a = qx_ask(db, QX_UID, MSG_OUTPUT_READ, output("talks", 1, 3));
	qx_end(&a, 0, true);
	qx_free(&a);
}

/* A record that is larger than a chunk and than a page. */
static void
large_output(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;
	size_t			 n = 1000000, got = 0;
	char			*raw = malloc(n + 5);

	assert_non_null(raw);
	memcpy(raw, "\2\0\x0f\x42\x40", 5);
	for (size_t i = 0; i < n; i++)
		raw[5 + i] = (char)(i % 251);
	talking(db);
	qx_blob(db, "UPDATE outputs SET data = ?, size_bytes = 1000005", raw, n + 5, true);
	qx_sql(db, "UPDATE attempts SET output_bytes = 1000001");
	a = qx_ask_paged(db, QX_UID, MSG_OUTPUT_READ, output("talks", 1, 2), QUERY_PAGE);
	for (size_t i = 0; i + 1 < a.n; i++) {
		struct sv	d = qx_at(&a, i, MSG_OUTPUT_CHUNK)->output_chunk.data;

		assert_true(d.n <= 65536 && got + d.n <= n);
		assert_memory_equal(d.p, raw + 5 + got, d.n);
		got += d.n;
	}
	assert_int_equal(got, n);
	assert_int_equal(a.pages, 4);
	qx_end(&a, n, true);		/* a byte of it was not kept */
	qx_free(&a);
	free(raw);
}

/* Between two pages another output takes the place of the first, and of its number. */
static void
other_output_meanwhile(void **state)
{
	static const char	other[] = "\1\0\0\0\3new";
	struct db		*db = *state;
	struct qx_answer	 a = { .n = 0 };
	union msg_body		 m = output("talks", 1, 3);
	uint64_t		 next = 0;

	talking(db);
	assert_int_equal(query_answer_paged(db, QX_UID, MSG_OUTPUT_READ, &m, 0, 0, qx_take, &a,
	    &next), 0);
	assert_int_not_equal(next, 0);
	qx_blob(db, "UPDATE outputs SET data = ?, size_bytes = 8,"
	    " hash = CAST('0123456789abcdef' AS BLOB)", other, sizeof other - 1, true);
	assert_int_equal(query_answer_paged(db, QX_UID, MSG_OUTPUT_READ, &m, 0, 0, qx_take, &a,
	    &next), 0);
	qx_text(qx_at(&a, 0, MSG_OUTPUT_CHUNK)->output_chunk.data, "hello\n");
	qx_text(qx_at(&a, 1, MSG_OUTPUT_CHUNK)->output_chunk.data, "new");
	/* of another user, with the same hash */
	qx_blob(db, "UPDATE outputs SET data = ?, uid = 2000", "\1\0\0\0\3his", 8, true);
	assert_int_equal(query_answer_paged(db, QX_UID, MSG_OUTPUT_READ, &m, 0, 0, qx_take, &a,
	    &next), 0);
	qx_text(qx_at(&a, 2, MSG_OUTPUT_CHUNK)->output_chunk.data, "his");
	query_forget();
	query_forget();
	qx_free(&a);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		WITH_DB(events_as_they_were),
		WITH_DB(damaged_log),
		WITH_DB(hostile_frames),
		WITH_DB(both_streams_and_each),
		WITH_DB(which_attempt),
		WITH_DB(damaged_output),
		WITH_DB(large_output),
		WITH_DB(other_output_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

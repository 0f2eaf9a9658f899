/* Unit tests of store/query_history.c, and of store/query_estimate.c. */
#include "tests/unit/query_fixture.h"

#include "common/figures.h"
#include "common/history.h"
#include "store/estimate.h"
#include "store/recent.h"

#define T0	UINT64_C(1700000000000)

static union msg_body
about(const char *test, const char *suite, uint64_t limit, uint64_t since_ms)
{
	union msg_body	m = { .history = { .test = sv_from(test), .limit = limit,
	    .since_ms = since_ms } };

	if (suite != NULL) {
		m.history.suite = sv_from(suite);
		m.history.has |= MSG_BIT(history, suite);
	}
	return m;
}

static void
every_field(void **state)
{
	struct db			*db = *state;
	struct qx_answer		 a;
	const struct msg_attempt_row	*m;

	qx_run(db, 1, "ab", QX_UID, T0);
	qx_test(db, 1, QX_UID, "s", "t");
	qx_sql(db, "INSERT INTO attempts VALUES (1, 0, 1, 1, 3, 1, %llu, %llu, 1500, 250, 42, NULL,"
	    " 1400, 4096, 77, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114,"
	    " 1, 'wrong', -2, 'alike', 3, 'used up', NULL, 0, 115, 0)", (unsigned long long)T0,
	    (unsigned long long)T0 + 1);
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t", NULL, 0, 0));
	m = &qx_at(&a, 0, MSG_ATTEMPT_ROW)->attempt_row;
	qx_text(m->run, "ab000000000000000000000000000000");
	qx_text(m->test, "t");
	qx_text(m->suite, "s");
	assert_int_equal(m->attempt, 1);
	assert_int_equal(m->outcome, OUTCOME_FAIL);
	assert_int_equal(m->start_ms, T0);
	assert_int_equal(m->duration_us, 1500);
	assert_int_equal(m->exit_code, 42);
	assert_int_equal(m->signal, 0);
	assert_int_equal(m->worker, 3);
	assert_int_equal(m->delay_ms, 250);
	assert_int_equal(m->cpu_us, 1400);
	assert_int_equal(m->max_rss, 4096);
	assert_int_equal(m->output_bytes, 77);
	assert_int_equal(m->figures.n, FIGURE_DEVICE_READ_BYTES + 1);	/* no zeros at the end */
	for (uint32_t i = 0; i < m->figures.n; i++)
		assert_int_equal(m->figures.v[i], 101 + i);
	assert_int_equal(m->error_category, CATEGORY_ASSERTION);
	qx_text(m->error_message, "wrong");
	assert_int_equal(m->fingerprint, UINT64_MAX - 1);
	qx_text(m->failure, "alike");
	assert_int_equal(m->decision, RETRY_BUDGET);
	qx_text(m->reason, "used up");
	qx_text(m->label, "label 1");
	qx_end(&a, 1, false);
	qx_free(&a);
}

static void
exit_codes_and_running(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;

	qx_run(db, 1, "ab", QX_UID, T0);
	qx_test(db, 1, QX_UID, "s", "t");
	qx_attempt(db, 1, 0, 1, 1, OUTCOME_PASS, T0, 5);
	qx_attempt(db, 1, 0, 2, 1, OUTCOME_CRASH, T0 + 1, 5);
	qx_attempt(db, 1, 0, 3, 1, OUTCOME_PASS, T0 + 2, 5);
	qx_sql(db, "UPDATE attempts SET exit_code = 0 WHERE attempt = 1;"
	    "UPDATE attempts SET signal = 11 WHERE attempt = 2;"
	    "UPDATE attempts SET outcome = NULL WHERE attempt = 3");
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t", "s", 0, 0));
	qx_end(&a, 3, false);
	assert_int_equal(qx_at(&a, 0, MSG_ATTEMPT_ROW)->attempt_row.outcome, OUTCOME_COUNT);
	assert_false(MSG_HAS(&a.frames[0].body.attempt_row, attempt_row, exit_code));
	assert_int_equal(qx_at(&a, 1, MSG_ATTEMPT_ROW)->attempt_row.signal, 11);
	assert_false(MSG_HAS(&a.frames[1].body.attempt_row, attempt_row, exit_code));
	assert_true(MSG_HAS(&a.frames[2].body.attempt_row, attempt_row, exit_code));
	assert_int_equal(a.frames[2].body.attempt_row.exit_code, 0);
	qx_free(&a);
}

/* Two users, a name in two suites, runs on each other's heels. */
static void
several(struct db *db)
{
	qx_test(db, 1, QX_UID, "one", "t");
	qx_test(db, 2, QX_UID, "two", "t");
	qx_test(db, 3, QX_UID, "one", "u");
	qx_test(db, 4, QX_OTHER, "one", "t");
	qx_test(db, 5, QX_UID, "", "t");
	for (int run = 1; run <= 60; run++) {
		char	digits[16];

		(void)snprintf(digits, sizeof digits, "%04x", run);
		qx_run(db, run, digits, run % 4 == 0 ? QX_OTHER : QX_UID, T0 + (uint64_t)run * 10);
		if (run % 4 == 0) {
			qx_attempt(db, run, 0, 1, 4, OUTCOME_PASS, T0 + (uint64_t)run * 10, 1);
			continue;
		}
		/* all of them start at the same time */
		for (int test = 1; test <= 3; test++)
			qx_attempt(db, run, test, 1, test, OUTCOME_PASS,
			    T0 + (uint64_t)run * 10, 1);
		if (run < 3)
			qx_attempt(db, run, 5, 1, 5, OUTCOME_PASS, T0 + (uint64_t)run * 10, 1);
	}
}

static void
newest_first(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;

	several(db);
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t", "two", 0, 0));
	qx_end(&a, 45, false);
	for (size_t i = 1; i < 45; i++)
		assert_true(a.frames[i - 1].body.attempt_row.start_ms >
		    a.frames[i].body.attempt_row.start_ms);
	qx_free(&a);
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t", NULL, 0, 0));
	qx_end(&a, 92, false);
	for (size_t i = 1; i < 92; i++)
		assert_true(a.frames[i - 1].body.attempt_row.start_ms >=
		    a.frames[i].body.attempt_row.start_ms);
	qx_free(&a);
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t", "", 0, 0));
	qx_end(&a, 2, false);
	qx_free(&a);
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t", "one", 0, T0 + 550));
	qx_end(&a, 4, false);	/* 55 57 58 59 */
	qx_free(&a);
}

static void
limits(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;

	several(db);
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t", NULL, 7, 0));
	qx_end(&a, 7, true);
	qx_free(&a);
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t", NULL, 92, 0));
	qx_end(&a, 92, false);
	qx_free(&a);
	a = qx_ask(db, 0, MSG_HISTORY, about("t", NULL, 0, 0));
	qx_end(&a, 100, true);		/* of 107 */
	qx_free(&a);
	a = qx_ask(db, 0, MSG_HISTORY, about("t", NULL, UINT64_MAX, 0));
	qx_end(&a, 107, false);
	qx_free(&a);
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t", NULL, 5, UINT64_MAX));
	qx_end(&a, 0, false);
	qx_free(&a);
}

static void
rights(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;

	several(db);
	a = qx_ask(db, QX_OTHER, MSG_HISTORY, about("t", NULL, 0, 0));
	qx_end(&a, 15, false);
	qx_free(&a);
	a = qx_ask(db, QX_OTHER, MSG_HISTORY, about("u", NULL, 0, 0));
	qx_end(&a, 0, false);
	qx_free(&a);
	a = qx_ask(db, 3000, MSG_HISTORY, about("t", NULL, 0, 0));
	qx_end(&a, 0, false);
	qx_free(&a);
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t' OR 1 --", NULL, 0, 0));
	qx_end(&a, 0, false);
	qx_free(&a);
}

/* Attempts that come between two pages do not shift the next one. */
static void
rows_come_meanwhile(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 all, a = { .n = 0 };
	union msg_body		 m = about("t", "two", 0, 0);
	uint64_t		 from = 0;
	int			 run = 100;

	several(db);
	all = qx_ask(db, QX_UID, MSG_HISTORY, m);
	do {
		char	digits[16];

		assert_int_equal(query_answer_paged(db, QX_UID, MSG_HISTORY, &m, from, 0,
		    qx_take, &a, &from), 0);
		(void)snprintf(digits, sizeof digits, "%04x", ++run);
		qx_run(db, run, digits, QX_UID, T0 + 100000);
		qx_attempt(db, run, 0, 1, 2, OUTCOME_PASS, T0 + 100000, 1);
	} while (from != 0 && run < 200);
	assert_int_equal(a.n, all.n);
	for (size_t i = 0; i < a.n; i++)
		assert_memory_equal(a.frames[i].data, all.frames[i].data, all.frames[i].n);
	qx_free(&a);
	qx_free(&all);
}

static void
damaged_rows(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;

	several(db);
	qx_sql(db, "PRAGMA foreign_keys = OFF; DELETE FROM runs WHERE id = 59;"
	    "UPDATE attempts SET reason = CAST(x'610062' AS TEXT) WHERE run = 58");
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t", "two", 0, 0));
	assert_int_equal(a.n, 44);
	assert_true(qx_at(&a, 43, MSG_END_OF)->end_of.truncated);
	assert_int_equal(a.frames[0].body.attempt_row.start_ms, T0 + 570);
	qx_free(&a);
	/* times that no clock shows: still each row once */
	qx_sql(db, "UPDATE attempts SET start_ms = 9223372036854775807 WHERE run = 57;"
	    "UPDATE attempts SET start_ms = -5 WHERE run = 1");
	a = qx_ask(db, QX_UID, MSG_HISTORY, about("t", "two", 0, 0));
	assert_true(a.n == 43 || a.n == 44);
	qx_free(&a);
}

static int
refuse(void *arg, enum msg_type type, const void *msg)
{
	(void)type;
	(void)msg;
	return *(int *)arg;
}

static void
ends_early(void **state)
{
	struct db		*db = *state;
	union msg_body		 m = about("t", NULL, 0, 0);
	struct qx_answer	 a = { .n = 0 };
	uint64_t		 next = 7;
	int			 r = -EPIPE;

	several(db);
	assert_int_equal(query_answer(db, QX_UID, MSG_HISTORY, &m, 0, refuse, &r, &next), -EPIPE);
	assert_int_equal(next, 0);
	assert_int_equal(query_answer(db, QX_UID, MSG_PING, &m, 0, qx_take, &a, &next),
	    -EOPNOTSUPP);
	assert_int_equal(a.n, 0);
	qx_sql(db, "DROP TABLE attempts");
	assert_int_equal(query_answer(db, QX_UID, MSG_HISTORY, &m, 0, qx_take, &a, &next), -EIO);
	assert_int_equal(a.n, 1);
	assert_int_equal(qx_at(&a, 0, MSG_ERROR)->error.code, MSG_ERR_INTERNAL);
	qx_free(&a);
}

/* Its newest attempts. */
static void
did_of_late(struct db *db, int test)
{
	static const enum outcome	outcomes[] = { OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_TIMEOUT,
	    OUTCOME_SKIP, OUTCOME_CRASH, OUTCOME_CANCELLED, OUTCOME_PASS };
	void				*list = NULL, *next;
	size_t				 n = 0;
	char				 sql[100];

	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
		struct recent_row	row = { .start_ms = i, .duration_us = 1,
		    .outcome = outcomes[i] };

		assert_int_equal(recent_add(list, n, &row, &next, &n), 0);
		free(list);
		list = next;
	}
	(void)snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO recent VALUES (%d, ?)", test);
	qx_blob(db, sql, list, n, false);
	free(list);
}

static void
estimates(void **state)
{
	struct db		*db = *state;
	struct sv		 names[] = { SV_LIT("one"), SV_LIT("t"), SV_LIT("one"),
	    SV_LIT("none"), SV_LIT("one"), SV_LIT("u"), SV_LIT("two"), SV_LIT("t"), SV_LIT("one"),
	    SV_LIT("t") };
	struct msg_estimate	 m = { .uid = QX_UID, .tests = { names, 10 } };
	struct estimate		 e = { .mu = 13.5, .dev = 0.25, .fail = 0.125, .n = 9 };
	uint64_t		 v[5][ESTIMATE_STRIDE], costs[5 * COST_STRIDE];

	several(db);
	qx_sql(db, "UPDATE tests SET mu = 13.5, dev = 0.25, fail = 0.125, attempts = 9 WHERE "
	    "id = 1;"
	    "UPDATE tests SET mu = 1e999, dev = -1e999, attempts = 9 WHERE id = 2;"
	    "UPDATE tests SET attempts = 9 WHERE id = 3;"	/* and no verdict yet */
	    "UPDATE tests SET mu = 99, dev = 1, attempts = 9 WHERE id = 4");
	did_of_late(db, 1);
	memset(v, 0xff, sizeof v);
	assert_int_equal(query_estimate(db, &m, v[0], costs), 0);
	assert_int_equal(v[0][ESTIMATE_US], estimate_us(&e));
	assert_int_equal(v[0][ESTIMATE_SPREAD_US], estimate_spread_us(&e));
	assert_int_equal(v[0][ESTIMATE_FAIL_PPM], 126000);
	assert_int_equal(v[0][ESTIMATE_PASSES], 0);	/* not asked for */
	for (size_t i = 0; i < ESTIMATE_STRIDE; i++) {
		assert_int_equal(v[1][i], 0);	/* not there */
		assert_int_equal(v[2][i], 0);	/* there without a verdict */
	}
	assert_int_equal(v[3][ESTIMATE_US], 0);	/* inf - inf */
	assert_memory_equal(v[0], v[4], sizeof v[0]);
	m.recent = true;
	assert_int_equal(query_estimate(db, &m, v[0], costs), 0);
	assert_int_equal(v[0][ESTIMATE_US], estimate_us(&e));
	assert_int_equal(v[0][ESTIMATE_FAILS], 3);
	assert_int_equal(v[0][ESTIMATE_PASSES], 2);
	assert_int_equal(v[2][ESTIMATE_PASSES], 0);
	/* What cannot be read says nothing. */
	qx_sql(db, "UPDATE recent SET list = x'01020304'");
	assert_int_equal(query_estimate(db, &m, v[0], costs), 0);
	assert_int_equal(v[0][ESTIMATE_US], estimate_us(&e));
	assert_int_equal(v[0][ESTIMATE_PASSES], 0);
	m.uid = 0;				/* root's own tests, not everybody's */
	assert_int_equal(query_estimate(db, &m, v[0], costs), 0);
	assert_int_equal(v[0][ESTIMATE_US], 0);
	m.tests.n = 3;
	assert_int_equal(query_estimate(db, &m, v[0], costs), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		WITH_DB(every_field),
		WITH_DB(exit_codes_and_running),
		WITH_DB(newest_first),
		WITH_DB(limits),
		WITH_DB(rights),
		WITH_DB(rows_come_meanwhile),
		WITH_DB(damaged_rows),
		WITH_DB(ends_early),
		WITH_DB(estimates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

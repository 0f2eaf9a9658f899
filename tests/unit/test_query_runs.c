/* Unit tests of store/query_runs.c: which runs there are, and what one was asked to do. */
#include "tests/unit/query_fixture.h"

#define T0	UINT64_C(1700000000000)

static const union msg_body	every = { .run_list = { .limit = 0 } };

static union msg_body
plan(const char *run, bool only_open)
{
	return (union msg_body){ .plan_read = { .run = sv_from(run), .open = only_open } };
}

/* ---- the list ---- */

static void
every_field(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;
	const struct msg_run_row *m;

	qx_run(db, 1, "ab", QX_UID, T0);
	qx_sql(db, "UPDATE runs SET status = 2, total = 40, passed = 11, failed = 12, skipped = 13,"
	    " timed_out = 14, errored = 15, cancelled = 16, flaky_count = 17, duration_us = 18, "
	    "marks = 5");
	a = qx_ask(db, QX_UID, MSG_RUN_LIST, every);
	qx_end(&a, 1, false);
	m = &qx_at(&a, 0, MSG_RUN_ROW)->run_row;
	qx_text(m->run, "ab000000000000000000000000000000");
	qx_text(m->name, "label 1");
	assert_int_equal(m->status, RUN_FAILED);
	assert_int_equal(m->total, 40);
	assert_int_equal(m->passed, 11);
	assert_int_equal(m->failed, 12);
	assert_int_equal(m->skipped, 13);
	assert_int_equal(m->timed_out, 14);
	assert_int_equal(m->errored, 15);
	assert_int_equal(m->cancelled, 16);
	assert_int_equal(m->flaky_count, 17);
	assert_int_equal(m->duration_us, 18);
	assert_int_equal(m->start_ms, T0);
	assert_int_equal(m->jobs, 4);
	assert_int_equal(m->uid, QX_UID);
	assert_int_equal(m->running + m->queued, 0);
	assert_true(m->detects);
	qx_free(&a);
	/* Another mark is no detection. */
	qx_sql(db, "UPDATE runs SET marks = 11");
	a = qx_ask(db, QX_UID, MSG_RUN_LIST, every);
	assert_false(qx_at(&a, 0, MSG_RUN_ROW)->run_row.detects);
	qx_free(&a);
}

static void
newest_first_and_ones_own(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;
	char			 digits[16];

	for (int i = 1; i <= 60; i++) {		/* several in one millisecond */
		(void)snprintf(digits, sizeof digits, "%02x", i * 37 % 256);
		qx_run(db, i, digits, i % 3 == 0 ? QX_OTHER : QX_UID, T0 + (uint64_t)i / 4);
	}
	a = qx_ask(db, 0, MSG_RUN_LIST, every);
	qx_end(&a, 60, false);
	for (size_t i = 1; i < 60; i++)
		assert_true(a.frames[i - 1].body.run_row.start_ms >=
		    a.frames[i].body.run_row.start_ms);
	qx_free(&a);
	a = qx_ask(db, QX_OTHER, MSG_RUN_LIST, every);
	qx_end(&a, 20, false);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(a.frames[i].body.run_row.uid, QX_OTHER);
	qx_free(&a);
	a = qx_ask(db, 3000, MSG_RUN_LIST, every);
	qx_end(&a, 0, false);
	qx_free(&a);
	a = qx_ask(db, QX_UID, MSG_RUN_LIST, (union msg_body){ .run_list = { .limit = 11 } });
	qx_end(&a, 11, true);
	qx_free(&a);
	a = qx_ask(db, QX_UID, MSG_RUN_LIST,
	    (union msg_body){ .run_list = { .limit = UINT64_MAX } });
	qx_end(&a, 40, false);
	qx_free(&a);
}

/* ---- which run ---- */

static void
which_run(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;
	const char		*hint = "paratestctl runs lists them";

	qx_error(db, QX_UID, MSG_PLAN_READ, plan("", false), "there is no run yet", hint);
	qx_run(db, 1, "abc1", QX_UID, T0 + 5);
	qx_run(db, 2, "abc2", QX_UID, T0 + 9);
	qx_run(db, 3, "abd", QX_OTHER, T0 + 7);
	qx_run(db, 4, "f", QX_UID, T0 + 1);
	static const struct { unsigned uid; const char *prefix, *label; } found[] = {
		{ QX_UID, "", "label 2" }, { QX_UID, "latest", "label 2" },
		{ QX_OTHER, "", "label 3" }, { 0, "", "label 2" },
		{ QX_UID, "abc1", "label 1" }, { QX_UID, "f", "label 4" },
		{ QX_OTHER, "a", "label 3" }, { 0, "abd", "label 3" },
		{ QX_UID, "abc20000000000000000000000000000", "label 2" },
	};
	for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
		a = qx_ask(db, found[i].uid, MSG_PLAN_READ, plan(found[i].prefix, false));
		qx_text(qx_at(&a, 0, MSG_PLAN_RUN)->plan_run.name, found[i].label);
		qx_end(&a, 0, false);
		qx_free(&a);
	}
	qx_error(db, QX_UID, MSG_PLAN_READ, plan("ab", false), "several runs begin with 'ab'",
	    "give more digits; paratestctl runs lists them");
	qx_error(db, 0, MSG_PLAN_READ, plan("abc", false), "several runs begin with 'abc'",
	    "give more digits; paratestctl runs lists them");
	/* another's, and one that does not exist: the same words */
	qx_error(db, QX_UID, MSG_PLAN_READ, plan("abd", false), "there is no run 'abd'", hint);
	qx_error(db, QX_UID, MSG_PLAN_READ, plan("abe", false), "there is no run 'abe'", hint);
	qx_error(db, QX_UID, MSG_PLAN_READ, plan("abc200000000000000000000000000000", false),
	    "there is no run 'abc200000000000000000000000000000'", hint);
	qx_error(db, QX_UID, MSG_PLAN_READ, plan("%", false), "there is no run '%'", hint);
}

/* ---- a plan ---- */

static void
spec(struct db *db, int id, const char *text, size_t n)
{
	char	sql[200];

	(void)snprintf(sql, sizeof sql, "INSERT INTO specs VALUES (%d, 1000,"
	    " CAST(printf('%%016d', %d) AS BLOB), %zu, ?)", id, id, n);
	qx_blob(db, sql, text, n, true);
}

/* Tests 0 to n - 1 of run 1, with a spec each. */
static void
plan_of(struct db *db, const char *const *statuses, int n)
{
	char	body[64];

	for (int i = 0; i < n; i++) {
		(void)snprintf(body, sizeof body, "body %d", i);
		spec(db, i + 1, body, strlen(body));
		(void)snprintf(body, sizeof body, "test %d", i);
		qx_test(db, i + 1, QX_UID, "s", body);
		qx_sql(db, "INSERT INTO run_tests (run, idx, test, spec, status, attempts)"
		    " VALUES (1, %d, %d, %d, %s, %d)", i, i + 1, i + 1, statuses[i], i * 2);
	}
}

static void
whole_plan(void **state)
{
	static const char *const	statuses[] = { "0", "1", "2", "3", "4", "5", "NULL" };
	struct db			*db = *state;
	struct sv			 slots[] = { SV_LIT("db=2"), SV_LIT("gpu=1") };
	struct msg_plan_run		 kept = { .run = SV_LIT("x"), .slots = { slots, 2 } };
	const struct msg_plan_run	*run;
	struct qx_answer		 a;
	char				*data, body[64];
	size_t				 n;

	qx_run(db, 1, "ab", QX_UID, T0);
	plan_of(db, statuses, 7);
	assert_int_equal(msg_encode(MSG_PLAN_RUN, &kept, &data, &n), 0);
	qx_blob(db, "UPDATE runs SET slots = ?, status = 2, total = 7", data, n, false);
	free(data);
	a = qx_ask(db, QX_UID, MSG_PLAN_READ, plan("ab", false));
	run = &qx_at(&a, 0, MSG_PLAN_RUN)->plan_run;
	qx_text(run->run, "ab000000000000000000000000000000");
	qx_text(run->name, "label 1");
	assert_int_equal(run->total, 7);
	assert_int_equal(run->status, RUN_FAILED);
	assert_int_equal(run->slots.n, 2);
	qx_text(run->slots.v[0], "db=2");
	qx_text(run->slots.v[1], "gpu=1");
	for (unsigned i = 0; i < 7; i++) {
		const struct msg_plan_test	*t = &qx_at(&a, i + 1, MSG_PLAN_TEST)->plan_test;

		(void)snprintf(body, sizeof body, "body %u", i);
		assert_int_equal(t->index, i);
		qx_text(t->spec, body);
		assert_int_equal(t->attempts, i * 2);
		assert_int_equal(MSG_HAS(t, plan_test, status), i < 6);
		assert_int_equal(t->status, i < 6 ? i : 0);
	}
	qx_end(&a, 7, false);
	qx_free(&a);
}

static void
what_is_open(void **state)
{
	static const char *const	statuses[] = { "0", "1", "2", "3", "4", "5", "NULL", "0" };
	static const uint64_t		open_ones[] = { 1, 3, 4, 5, 6 };
	struct db			*db = *state;
	struct qx_answer		 a;

	qx_run(db, 1, "ab", QX_UID, T0);
	plan_of(db, statuses, 8);
	a = qx_ask(db, QX_UID, MSG_PLAN_READ, plan("", true));
	qx_end(&a, 5, false);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(qx_at(&a, i + 1, MSG_PLAN_TEST)->plan_test.index, open_ones[i]);
	qx_free(&a);
}

static void
damaged_plan(void **state)
{
	static const char *const	statuses[] = { "1", "1", "1", "1", "1", "1" };
	static const uint64_t		sound[] = { 0, 5 };
	struct db			*db = *state;
	struct qx_answer		 a;

	qx_run(db, 1, "ab", QX_UID, T0);
	plan_of(db, statuses, 6);
	qx_blob(db, "UPDATE runs SET slots = ?", "\x81\xff", 2, false);
	qx_blob(db, "UPDATE specs SET data = ? WHERE id = 2", "junk", 4, false);
	qx_sql(db, "UPDATE specs SET size_bytes = 3 WHERE id = 3;"
	    "UPDATE specs SET size_bytes = 1 << 40 WHERE id = 4;"
	    "DELETE FROM specs WHERE id = 5");
	a = qx_ask(db, QX_UID, MSG_PLAN_READ, plan("", false));
	assert_int_equal(qx_at(&a, 0, MSG_PLAN_RUN)->plan_run.slots.n, 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(qx_at(&a, i + 1, MSG_PLAN_TEST)->plan_test.index, sound[i]);
	qx_end(&a, 2, true);
	qx_free(&a);
}

/* A page is bounded by its bytes; the largest test there may be fits. */
static void
large_plan(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;
	size_t			 n = (size_t)1 << 20;
	char			*body = malloc(n);

	assert_non_null(body);
	memset(body, 'x', n);
	qx_run(db, 1, "ab", QX_UID, T0);
	qx_test(db, 1, QX_UID, "s", "t");
	spec(db, 1, body, n);
	spec(db, 2, body, 100000);
	for (int i = 0; i < 20; i++)
		qx_sql(db, "INSERT INTO run_tests (run, idx, test, spec) VALUES (1, %d, 1, %d)", i,
		    i == 10 ? 1 : 2);
	a = qx_ask_paged(db, QX_UID, MSG_PLAN_READ, plan("", false), QUERY_PAGE);
	qx_end(&a, 20, false);
	assert_int_equal(qx_at(&a, 11, MSG_PLAN_TEST)->plan_test.spec.n, n);
	assert_int_equal(a.pages, 8);	/* the last with END_OF alone */
	assert_true(a.longest <= 4);
	qx_free(&a);
	free(body);
}

/* A newer run, or one whose id begins alike, does not take the place of the first. */
static void
newer_run_meanwhile(void **state)
{
	static const char *const	statuses[] = { "1", "1", "1" };
	static const char *const	prefixes[] = { "", "a" };
	struct db			*db = *state;
	char				 digits[16];

	qx_run(db, 1, "ab", QX_UID, T0);
	plan_of(db, statuses, 3);
	for (int i = 0; i < 2; i++) {
		struct qx_answer	a = { .n = 0 };
		union msg_body		m = plan(prefixes[i], false);
		uint64_t		from = 0;

		for (int run = 2; run < 12; run++) {
			assert_int_equal(query_answer_paged(db, QX_UID, MSG_PLAN_READ, &m, from, 0,
			    qx_take, &a, &from), 0);
			if (from == 0)
				break;
			(void)snprintf(digits, sizeof digits, "a%02x", run);
			qx_run(db, run, digits, QX_UID, T0 + (uint64_t)run);
		}
		assert_int_equal(a.n, 5);
		qx_text(qx_at(&a, 0, MSG_PLAN_RUN)->plan_run.name, "label 1");
		for (unsigned j = 0; j < 3; j++)
			assert_int_equal(qx_at(&a, j + 1, MSG_PLAN_TEST)->plan_test.index, j);
		qx_end(&a, 3, false);
		qx_free(&a);
		qx_sql(db, "DELETE FROM runs WHERE id > 1");
	}
}

/* An index that no plan has: no endless answer. */
static void
hostile_index(void **state)
{
	static const char *const	statuses[] = { "1", "1", "1" };
	struct db			*db = *state;
	struct qx_answer		 a;

	qx_run(db, 1, "ab", QX_UID, T0);
	plan_of(db, statuses, 3);
	qx_sql(db, "UPDATE run_tests SET idx = 9223372036854775807 WHERE idx = 2;"
	    "UPDATE run_tests SET idx = 1 << 38 WHERE idx = 1");
	a = qx_ask(db, QX_UID, MSG_PLAN_READ, plan("", false));
	qx_end(&a, 1, true);
	qx_free(&a);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		WITH_DB(every_field),
		WITH_DB(newest_first_and_ones_own),
		WITH_DB(which_run),
		WITH_DB(whole_plan),
		WITH_DB(what_is_open),
		WITH_DB(damaged_plan),
		WITH_DB(large_plan),
		WITH_DB(newer_run_meanwhile),
		WITH_DB(hostile_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of store/query_metrics.c and store/query_scan.c. */
#include "tests/unit/query_fixture.h"

#include "store/stats.h"

#define T0	UINT64_C(1700000000000)

/* The number i (0 the oldest) of the attempts of a test. */
static struct recent_row
row_of(int test, int i)
{
	uint64_t	n = (uint64_t)test * 1000 + (uint64_t)i * 10;

	return (struct recent_row){ .start_ms = T0 + n, .duration_us = 100000 + n,
	    .cpu_us = 60000 - n, .memory_bytes = 1000000 + n, .output_bytes = 500 + n,
	    .max_rss_bytes = 800000 + n, .outcome = i % 10 == 9 ? OUTCOME_FAIL : OUTCOME_PASS,
	    .processes = (uint32_t)test + 1, .sessions = (uint32_t)test };
}

/* Fills the columns of a test; its newest `slow` attempts take five times as long. */
static void
recent(struct db *db, int test, int n, int slow)
{
	void	*list = NULL, *next;
	size_t	 len = 0;
	char	 sql[100];

	for (int i = 0; i < n; i++) {
		struct recent_row	row = row_of(test, i);

		row.duration_us *= i >= n - slow ? 5 : 1;
		assert_int_equal(recent_add(list, len, &row, &next, &len), 0);
		free(list);
		list = next;
	}
	(void)snprintf(sql, sizeof sql, "UPDATE tests SET newest = ? WHERE id = %d", test);
	qx_blob(db, sql, list, len, false);
	free(list);
	qx_sql(db, "UPDATE tests SET attempts = %d, passes = %d + 1, failures = %d + 2, flaky = %d,"
	    " total_us = %d + 4, wasted_us = %d + 5, last_run = 1, last_ms = %llu, last_outcome = 1"
	    " WHERE id = %d", n, n, n, test % 2, n, 100 - test, (unsigned long long)T0 + 5000 +
	    (unsigned)test, test);
}

/* Runs 1 to 3 of one user; tests 1 to 5 in two suites; test 6 of another. */
static void
filled(struct db *db)
{
	static const char	*const names[] = { "c", "a", "e", "b", "d" };

	for (int run = 1; run <= 3; run++) {
		char	digits[16];

		(void)snprintf(digits, sizeof digits, "a%d", run);
		qx_run(db, run, digits, QX_UID, T0 + (uint64_t)run * 1000);
		qx_sql(db, "UPDATE runs SET workers_used = 4, duration_us = 1000, sequential_us = "
		    "3000 + %d WHERE id = %d", run * 100, run);
	}
	qx_run(db, 4, "b", QX_OTHER, T0);
	for (int test = 1; test <= 5; test++) {
		qx_test(db, test, QX_UID, test <= 3 ? "one" : "two", names[test - 1]);
		recent(db, test, test * 5, test == 4 ? 4 : 0);	/* the newest fails */
	}
	qx_test(db, 6, QX_OTHER, "one", "a");
	recent(db, 6, 70, 0);
}

static union msg_body
about(struct msg_metrics m)
{
	return (union msg_body){ .metrics = m };
}

static const struct msg_metric_sum *
sum_of(const struct qx_answer *a)
{
	return &qx_at(a, a->n - 2, MSG_METRIC_SUM)->metric_sum;
}

/* The names of the rows, in order, and END_OF. */
static void
assert_names(struct db *db, uint64_t uid, struct msg_metrics m, const char *names, bool truncated)
{
	struct qx_answer	a = qx_ask(db, uid, MSG_METRICS, about(m));
	char			got[64] = "";

	for (size_t i = 0; i + 2 < a.n; i++)
		(void)snprintf(got + strlen(got), sizeof got - strlen(got), SV_FMT,
		    SV_ARG(qx_at(&a, i, MSG_METRIC_ROW)->metric_row.test));
	assert_string_equal(got, names);
	qx_end(&a, strlen(names), truncated);
	qx_free(&a);
}

static void
assert_stats(struct nums got, int test, int n, enum metric_kind kind)
{
	struct recent_row	rows[METRIC_RECENT];
	uint64_t		want[STAT_COUNT];
	uint32_t		kept = (uint32_t)(n < METRIC_RECENT ? n : METRIC_RECENT);

	for (uint32_t i = 0; i < kept; i++)
		rows[i] = row_of(test, n - 1 - (int)i);
	stats_of(rows, kept, kind, want);
	assert_int_equal(got.n, STAT_COUNT);
	for (size_t i = 0; i < STAT_COUNT; i++)
		assert_int_equal(got.v[i], want[i]);
}

static void
every_field(void **state)
{
	struct db			*db = *state;
	struct qx_answer		 a;
	const struct msg_metric_row	*m;

	filled(db);
	qx_sql(db, "UPDATE tests SET last_run = 4 WHERE id = 6");
	a = qx_ask(db, QX_OTHER, MSG_METRICS, about((struct msg_metrics){ .test = SV_LIT("a") }));
	m = &qx_at(&a, 0, MSG_METRIC_ROW)->metric_row;
	qx_text(m->test, "a");
	qx_text(m->suite, "one");
	assert_int_equal(m->attempts, 70);
	assert_int_equal(m->passes, 71);
	assert_int_equal(m->failures, 72);
	assert_int_equal(m->flaky, 0);
	qx_text(m->last_run, "b0000000000000000000000000000000");
	assert_int_equal(m->last_ms, T0 + 5006);
	assert_int_equal(m->last_outcome, 1);
	assert_stats(m->duration, 6, 70, METRIC_DURATION);
	assert_stats(m->cpu, 6, 70, METRIC_CPU);
	assert_stats(m->memory, 6, 70, METRIC_MEMORY);
	assert_stats(m->output, 6, 70, METRIC_OUTPUT);
	assert_int_equal(m->max_rss, row_of(6, 69).max_rss_bytes);
	assert_int_equal(m->sessions, 6);
	assert_int_equal(m->processes, 7);
	assert_int_equal(m->wasted_us, 99);
	assert_int_equal(m->regressed, 0);
	assert_int_equal(m->total_us, 74);
	qx_end(&a, 1, false);
	qx_free(&a);
}

static void
the_sum(void **state)
{
	struct db			*db = *state;
	struct qx_answer		 a;
	const struct msg_metric_sum	*m;
	uint64_t			 us = 0, memory = 0;

	filled(db);
	for (int test = 1; test <= 5; test++) {
		us += row_of(test, test * 5 - 1).duration_us * (test == 4 ? 5 : 1);
		memory += row_of(test, test * 5 - 1).memory_bytes;
	}
	a = qx_ask(db, QX_UID, MSG_METRICS, about((struct msg_metrics){ .limit = 2 }));
	qx_end(&a, 2, true);
	m = sum_of(&a);		/* of all, whatever the limit */
	assert_int_equal(m->tests, 5);
	assert_int_equal(m->attempts, 75);
	assert_int_equal(m->runs, 3);
	assert_int_equal(m->passes, 80);
	assert_int_equal(m->last_us, us);
	assert_int_equal(m->last_memory, memory);
	assert_int_equal(m->peak_memory, row_of(5, 24).memory_bytes);
	assert_int_equal(m->sessions, 15);
	assert_int_equal(m->wasted_us, 510);	/* 5 * 100 - 15 + 25 */
	assert_int_equal(m->idle_us, 900 + 800 + 700);
	assert_int_equal(m->total_us, 95);
	assert_int_equal(m->regressed, 1);
	assert_int_equal(m->flaky, 3);
	qx_free(&a);
	/* of the runs in which a test was, and never less than nothing */
	qx_attempt(db, 1, 0, 1, 1, OUTCOME_PASS, T0, 1);
	qx_attempt(db, 1, 0, 2, 1, OUTCOME_PASS, T0, 1);
	qx_attempt(db, 3, 0, 1, 1, OUTCOME_PASS, T0, 1);
	qx_sql(db, "UPDATE runs SET sequential_us = 9000 WHERE id = 3");
	a = qx_ask(db, QX_UID, MSG_METRICS, about((struct msg_metrics){ .test = SV_LIT("c") }));
	assert_int_equal(sum_of(&a)->runs, 2);
	assert_int_equal(sum_of(&a)->idle_us, 900);
	qx_free(&a);
}

static void
orders(void **state)
{
	struct db	*db = *state;

	filled(db);
	assert_names(db, QX_UID, (struct msg_metrics){ .sort = METRIC_SORT_DURATION }, "bdeac",
	    false);
	assert_names(db, QX_UID, (struct msg_metrics){ .sort = METRIC_SORT_CPU }, "caebd", false);
	assert_names(db, QX_UID, (struct msg_metrics){ .sort = METRIC_SORT_MEMORY }, "dbeac",
	    false);
	assert_names(db, QX_UID, (struct msg_metrics){ .sort = METRIC_SORT_WASTED }, "caebd",
	    false);
	assert_names(db, QX_UID, (struct msg_metrics){ .sort = METRIC_SORT_NAME }, "abcde", false);
	assert_names(db, QX_UID, (struct msg_metrics){ .sort = METRIC_SORT_LAST_RUN }, "dbeac",
	    false);
	assert_names(db, QX_UID, (struct msg_metrics){ .sort = METRIC_SORT_NAME,
	    .limit = 3 }, "abc", true);
	qx_sql(db, "UPDATE tests SET wasted_us = 1");	/* equal: always in the same order */
	assert_names(db, QX_UID, (struct msg_metrics){ .sort = METRIC_SORT_WASTED }, "caebd",
	    false);
}

static void
which_tests(void **state)
{
	const struct msg_metrics	by_name = { .sort = METRIC_SORT_NAME };
	struct msg_metrics		m = by_name;
	struct db			*db = *state;

	filled(db);
	assert_names(db, 0, m, "aabcde", false);
	assert_names(db, QX_OTHER, m, "a", false);
	assert_names(db, 3000, m, "", false);
	m.suite = SV_LIT("one");
	assert_names(db, QX_UID, m, "ace", false);
	m.test = SV_LIT("e");
	assert_names(db, QX_UID, m, "e", false);
	m.suite = SV_LIT("two");
	assert_names(db, QX_UID, m, "", false);
	m.suite = SV_LIT("");
	m.test = SV_LIT("");
	m.has = MSG_BIT(metrics, suite);	/* the suite without a name */
	assert_names(db, QX_UID, m, "", false);
	m = by_name;
	m.test = SV_LIT("a");
	assert_names(db, 0, m, "aa", false);
	m = by_name;
	m.regressed = true;
	assert_names(db, QX_UID, m, "b", false);
	m.suite = SV_LIT("one");
	assert_names(db, QX_UID, m, "", false);
}

/* The figures of one run, of its last attempts. */
static void
of_a_run(void **state)
{
	struct db			*db = *state;
	struct msg_metrics		 q = { .run = SV_LIT("a2"), .sort = METRIC_SORT_DURATION };
	struct qx_answer		 a;
	const struct msg_metric_row	*m;

	filled(db);
	qx_attempt(db, 2, 0, 1, 3, OUTCOME_FAIL, T0 + 7, 70);
	qx_attempt(db, 2, 0, 2, 3, OUTCOME_FAIL, T0 + 8, 80);
	qx_attempt(db, 2, 0, 3, 3, OUTCOME_PASS, T0 + 9, 90);
	qx_attempt(db, 2, 1, 1, 4, OUTCOME_PASS, T0 + 3, 200);
	qx_attempt(db, 3, 1, 1, 5, OUTCOME_PASS, T0 + 3, 999);
	qx_sql(db, "UPDATE attempts SET cpu_us = 5, tree_peak_bytes = 600, max_rss_bytes = 500,"
	    " output_bytes = 8, sessions = 2, processes = 3 WHERE idx = 0;"
	    "UPDATE attempts SET outcome = NULL, max_rss_bytes = 550 WHERE idx = 1");
	a = qx_ask(db, QX_UID, MSG_METRICS, about(q));
	assert_int_equal(a.n, 4);
	m = &qx_at(&a, 0, MSG_METRIC_ROW)->metric_row;
	qx_text(m->test, "b");
	assert_int_equal(m->last_outcome, OUTCOME_COUNT);	/* it still runs */
	assert_int_equal(m->memory.v[STAT_LAST], 550);
	assert_int_equal(m->regressed, 1 << METRIC_DURATION);
	m = &qx_at(&a, 1, MSG_METRIC_ROW)->metric_row;
	qx_text(m->test, "e");
	qx_text(m->last_run, "a2000000000000000000000000000000");
	assert_int_equal(m->last_ms, T0 + 9);
	assert_int_equal(m->last_outcome, OUTCOME_PASS);
	assert_int_equal(m->attempts, 15);		/* of its whole history */
	assert_int_equal(m->duration.v[STAT_LAST], 90);
	assert_int_equal(m->duration.v[STAT_MAX], row_of(3, 14).duration_us);
	assert_int_equal(m->cpu.v[STAT_LAST], 5);
	assert_int_equal(m->memory.v[STAT_LAST], 600);
	assert_int_equal(m->output.v[STAT_LAST], 8);
	assert_int_equal(m->max_rss, 500);
	assert_int_equal(m->sessions, 2);
	assert_int_equal(m->processes, 3);
	assert_int_equal(sum_of(&a)->tests, 2);
	assert_int_equal(sum_of(&a)->attempts, 4);
	assert_int_equal(sum_of(&a)->passes, 1);
	assert_int_equal(sum_of(&a)->runs, 1);
	assert_int_equal(sum_of(&a)->last_us, 290);
	assert_int_equal(sum_of(&a)->total_us, 440);
	assert_int_equal(sum_of(&a)->wasted_us, 150);
	assert_int_equal(sum_of(&a)->idle_us, 800);
	assert_int_equal(sum_of(&a)->peak_memory, 600);
	assert_int_equal(sum_of(&a)->regressed, 1);
	qx_free(&a);
	q.regressed = true;
	assert_names(db, QX_UID, q, "b", false);
	q.regressed = false;
	q.suite = SV_LIT("one");
	assert_names(db, QX_UID, q, "e", false);
	assert_names(db, 0, q, "e", false);
	qx_error(db, QX_OTHER, MSG_METRICS, about(q), "there is no run 'a2'",
	    "paratestctl runs lists them");
}

/* Totals stay when the list of the newest is damaged or not there. */
static void
damaged_list(void **state)
{
	struct db			*db = *state;
	struct qx_answer		 a;
	const struct msg_metric_row	*m;

	filled(db);
	qx_blob(db, "UPDATE tests SET newest = ? WHERE id = 2", "\1\0\0\0\200", 5, false);
	qx_sql(db, "UPDATE tests SET newest = NULL WHERE id = 3;"
	    "UPDATE tests SET last_run = 99 WHERE id = 5;"
	    "UPDATE tests SET total_us = 9223372036854775807, wasted_us = -1;"
	    "UPDATE runs SET workers_used = 9223372036854775807");
	a = qx_ask(db, QX_UID, MSG_METRICS,
	    about((struct msg_metrics){ .sort = METRIC_SORT_NAME }));
	assert_int_equal(a.n, 7);
	m = &qx_at(&a, 0, MSG_METRIC_ROW)->metric_row;
	qx_text(m->test, "a");
	assert_int_equal(m->attempts, 10);
	assert_int_equal(m->duration.n, 0);
	m = &qx_at(&a, 4, MSG_METRIC_ROW)->metric_row;
	qx_text(m->test, "e");
	assert_int_equal(m->attempts, 15);
	assert_int_equal(m->cpu.n, 0);
	m = &qx_at(&a, 3, MSG_METRIC_ROW)->metric_row;
	qx_text(m->last_run, "");		/* its run is gone */
	assert_stats(m->duration, 5, 25, METRIC_DURATION);
	qx_end(&a, 5, true);
	qx_free(&a);
}

static void
nothing_and_nonsense(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a = qx_ask(db, QX_UID, MSG_METRICS,
	    about((struct msg_metrics){ .has = 0 }));
	union msg_body		 m = about((struct msg_metrics){ .sort = METRIC_SORT_COUNT });
	uint64_t		 next;

	assert_int_equal(a.n, 2);
	assert_int_equal(sum_of(&a)->tests, 0);
	qx_end(&a, 0, false);
	qx_free(&a);
	assert_int_equal(query_answer(db, QX_UID, MSG_METRICS, &m, 0, qx_take, &a, &next), 0);
	assert_int_equal(qx_at(&a, 0, MSG_ERROR)->error.code, MSG_ERR_BAD);
	qx_free(&a);
}

/* An answer of a thousand rows, and one with no limit. */
static void
many(void **state)
{
	struct db		*db = *state;
	struct qx_answer	 a;

	qx_sql(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10050)"
	    " INSERT INTO tests (id, uid, suite, name) SELECT i, 1000, 's', 't' || i FROM n");
	a = qx_ask_paged(db, QX_UID, MSG_METRICS, about((struct msg_metrics){ .has = 0 }),
	    QUERY_PAGE);
	assert_int_equal(a.n, 1002);
	assert_int_equal(sum_of(&a)->tests, 10050);
	qx_end(&a, 1000, true);
	qx_free(&a);
	a = qx_ask_paged(db, QX_UID, MSG_METRICS,
	    about((struct msg_metrics){ .limit = UINT64_MAX }), QUERY_PAGE);
	assert_true(a.pages > 5);
	qx_end(&a, 10000, true);
	qx_free(&a);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		WITH_DB(every_field),
		WITH_DB(the_sum),
		WITH_DB(orders),
		WITH_DB(which_tests),
		WITH_DB(of_a_run),
		WITH_DB(damaged_list),
		WITH_DB(nothing_and_nonsense),
		WITH_DB(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A database as each version made it, tests/data/history-N.sql, is opened by this one, and
 * answers all questions. */
#include "tests/unit/query_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/rmtree.h"

#define RUN	"00112233445566778899aabbccddeeff"	/* that of store_fixture.h, uid 1000 */

/* Makes the database of a file in a new folder. */
static void
restore(const char *path, char dir[64])
{
	static char	 text[1 << 18];
	char		 name[80], *why = NULL;
	sqlite3		*sql;
	FILE		*f = fopen(path, "re");
	size_t		 n;

	if (f == NULL)
		fail_msg("no %s (run it in the project's folder)", path);
	n = fread(text, 1, sizeof text - 1, f);
	assert_true(n > 0 && n < sizeof text - 1);
	assert_int_equal(fclose(f), 0);
	text[n] = '\0';
	(void)snprintf(dir, 64, "/tmp/paratest-unit.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(name, sizeof name, "%s/history.db", dir);
	assert_int_equal(sqlite3_open(name, &sql), SQLITE_OK);
	(void)sqlite3_db_config(sql, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	if (sqlite3_exec(sql, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", path, why);
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
}

/* An answer of so many messages, the last of which ends it. */
static void
answers(struct db *db, enum msg_type type, union msg_body question, size_t n, bool truncated)
{
	struct qx_answer	a = qx_ask(db, QX_UID, type, question);

	assert_int_equal(a.n, n);
	assert_int_equal(qx_at(&a, n - 1, MSG_END_OF)->end_of.truncated, truncated);
	qx_free(&a);
}

static void
ask_all(struct db *db)
{
	struct sv		 names[] = { SV_LIT("s"), SV_LIT("t4") };
	struct msg_estimate	 estimate = { .uid = QX_UID, .tests = { names, 2 } };
	uint64_t		 v[ESTIMATE_STRIDE], costs[COST_STRIDE];
	struct qx_answer	 a;

	answers(db, MSG_RUN_LIST, (union msg_body){ .run_list = { .limit = 0 } }, 2, false);
	answers(db, MSG_HISTORY, (union msg_body){ .history = { .test = SV_LIT("t1") } }, 3, false);
	answers(db, MSG_METRICS, (union msg_body){ .metrics = { .limit = 0 } }, 8, false);
	answers(db, MSG_FLAKY, (union msg_body){ .flaky = { .limit = 0 } }, 2, false);
	answers(db, MSG_PLAN_READ, (union msg_body){ .plan_read = { .run = SV_LIT(RUN) } }, 8,
	    false);
	answers(db, MSG_OUTPUT_READ, (union msg_body){ .output_read = { .run = SV_LIT(RUN),
	    .test = SV_LIT("t0") } }, 2, false);
	/* The file of this one is not there. */
	answers(db, MSG_OUTPUT_READ, (union msg_body){ .output_read = { .run = SV_LIT(RUN),
	    .test = SV_LIT("t4") } }, 1, true);
	a = qx_ask(db, QX_UID, MSG_RUN_WATCH,
	    (union msg_body){ .run_watch = { .run = SV_LIT(RUN) } });
	assert_true(a.n > 10);
	qx_free(&a);
	assert_int_equal(query_estimate(db, &estimate, v, costs), 0);
	assert_true(v[ESTIMATE_US] > 5000 && v[ESTIMATE_US] < 8000);
}

static char *
schema_of(sqlite3 *sql)
{
	sqlite3_stmt	*st;
	char		*text;

	assert_int_equal(sqlite3_prepare_v2(sql, "SELECT group_concat(sql, ';') FROM (SELECT sql"
	    " FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name)", -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	text = strdup((const char *)sqlite3_column_text(st, 0));
	assert_non_null(text);
	(void)sqlite3_finalize(st);
	return text;
}

static void
version_1(void **state)
{
	char		 dir[64], *got, *want;
	sqlite3		*sql;
	struct db	 db;

	(void)state;
	restore("tests/data/history-1.sql", dir);
	assert_int_equal(db_init(&db, dir), 0);
	assert_int_equal(db_open(&db), 0);
	assert_int_equal(sqlite3_open(":memory:", &sql), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sql, sql_schema, NULL, NULL, NULL), SQLITE_OK);
	got = schema_of(db.sql);
	want = schema_of(sql);
	assert_string_equal(got, want);
	ask_all(&db);
	free(got);
	free(want);
	assert_int_equal(sqlite3_close(sql), SQLITE_OK);
	query_forget();
	db_free(&db);
	assert_int_equal(rmtree_at(AT_FDCWD, dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

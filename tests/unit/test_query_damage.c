/* Questions about a database whose file is damaged anywhere: each gets an answer with an
 * end, and none takes the process along. */
#include "tests/unit/query_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#define T0	UINT64_C(1700000000000)
#define ROUNDS	400

static uint64_t	seed = 88172645463325252;

static uint64_t
random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* A little of everything, over several pages of each table. */
static void
fill(struct db *db)
{
	static const char	output[] = "\1\0\0\0\5hello";
	struct recent_row	row = { .duration_us = 5, .outcome = OUTCOME_PASS };
	void			*list;
	size_t			 n;

	qx_sql(db, "BEGIN");
	qx_blob(db, "INSERT INTO outputs VALUES (1, 1000, zeroblob(16), 10, 1, ?)", output,
	    sizeof output - 1, true);
	qx_blob(db, "INSERT INTO specs VALUES (1, 1000, zeroblob(16), 4, ?)", "spec", 4, true);
	assert_int_equal(recent_add(NULL, 0, &row, &list, &n), 0);
	for (int test = 1; test <= 100; test++) {
		char	name[16];

		(void)snprintf(name, sizeof name, "t%d", test);
		qx_test(db, test, QX_UID, "s", name);
	}
	qx_blob(db, "UPDATE tests SET newest = ?, attempts = 20,"
	    " passes = 14, failures = 6, flaky = 1", list, n, false);
	free(list);
	for (int run = 1; run <= 20; run++) {
		char	digits[16];

		(void)snprintf(digits, sizeof digits, "%04x", run);
		qx_run(db, run, digits, QX_UID, T0 + (uint64_t)run);
		qx_sql(db, "INSERT INTO event_log VALUES (%d, 1, 5, 10, x'00010203')", run);
		for (int test = 1; test <= 20; test++) {
			qx_sql(db, "INSERT INTO run_tests (run, idx, test, spec) VALUES (%d, %d, "
			    "%d, 1)", run, test, test);
			qx_attempt(db, run, test, 1, test,
			    run % 3 == 0 ? OUTCOME_FAIL : OUTCOME_PASS, T0 + (uint64_t)run, 5);
		}
	}
	qx_sql(db, "UPDATE attempts SET output = 1; UPDATE runs SET revision = 'r';"
	    "INSERT INTO storms VALUES (5, 1, 2); COMMIT");
}

static int
count(void *arg, enum msg_type type, const void *msg)
{
	enum msg_type	*last = arg;
	char		*body;
	size_t		 n;
	int		 r = msg_encode(type, msg, &body, &n);

	if (r == 0)
		free(body);
	*last = type;
	return r;
}

/* All questions; how many were told that it is damaged. */
static unsigned
ask_all(struct db *db)
{
	static const struct { enum msg_type type; union msg_body body; } all[] = {
		{ MSG_HISTORY, { .history = { .test = { "t7", 2 } } } },
		{ MSG_METRICS, { .metrics = { .limit = 50 } } },
		{ MSG_FLAKY, { .flaky = { .limit = 0 } } },
		{ MSG_METRICS, { .metrics = { .run = { "0007", 4 } } } },
		{ MSG_RUN_LIST, { .run_list = { .limit = 0 } } },
		{ MSG_RUN_WATCH, { .run_watch = { .run = { "0007", 4 } } } },
		{ MSG_OUTPUT_READ, { .output_read = { .test = { "t7", 2 } } } },
		{ MSG_PLAN_READ, { .plan_read = { .open = true } } },
	};
	struct sv		names[] = { SV_LIT("s"), SV_LIT("t7") };
	struct msg_estimate	estimate = { .uid = QX_UID, .tests = { names, 2 } };
	uint64_t		values[ESTIMATE_STRIDE], from, costs[64 * COST_STRIDE];
	unsigned		bad = 0;
	int			r;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		enum msg_type	last = MSG_TYPE_MAX;
		unsigned	pages = 0;

		from = 0;
		do {
			r = query_answer_paged(db, QX_UID, all[i].type, &all[i].body, from, 500,
			    count, &last, &from);
			assert_true(r == 0 || r == -EUCLEAN || r == -EIO);
			assert_true(++pages < 1000);
		} while (from != 0);
		assert_true(r == 0 ? last == MSG_END_OF || last == MSG_ERROR : last == MSG_ERROR);
		bad += r == -EUCLEAN;
	}
	r = query_estimate(db, &estimate, values, costs);
	assert_true(r == 0 || r == -EUCLEAN || r == -EIO);
	return bad;
}

/* Overwrites some bytes behind the head and the schema. */
static void
hurt(int fd, const char *image, size_t n)
{
	assert_int_equal(pwrite(fd, image, n, 0), (ssize_t)n);
	for (int i = 0; i < 40; i++) {
		uint64_t	x = random64();

		assert_int_equal(pwrite(fd, &x, x % 8 + 1, 4096 + (off_t)(random64() % (n - 4104))),
		    (ssize_t)(x % 8 + 1));
	}
}

static void
damaged_file(void **state)
{
	char		 path[] = "/tmp/test_query_damage.XXXXXX", *image;
	int		 fd = mkstemp(path);
	struct db	 db = { .dirfd = -1 };
	unsigned	 bad = 0;
	off_t		 n;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(sqlite3_open(path, &db.sql), SQLITE_OK);
	qx_sql(&db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
	assert_int_equal(sqlite3_exec(db.sql, sql_schema, NULL, NULL, NULL), SQLITE_OK);
	fill(&db);
	assert_int_equal(ask_all(&db), 0);
	qx_close_sql(db.sql);
	n = lseek(fd, 0, SEEK_END);
	assert_true(n > 50 * 1024);
	image = malloc((size_t)n);
	assert_non_null(image);
	assert_int_equal(pread(fd, image, (size_t)n, 0), n);
	for (int round = 0; round < ROUNDS; round++) {
		hurt(fd, image, (size_t)n);
		db = (struct db){ .dirfd = -1 };
		assert_int_equal(sqlite3_open(path, &db.sql), SQLITE_OK);
		bad += ask_all(&db);
		qx_close_sql(db.sql);
	}
	assert_true(bad > ROUNDS / 10);		/* the damage was looked at */
	free(image);
	(void)close(fd);
	(void)unlink(path);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(damaged_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

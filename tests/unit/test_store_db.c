/* Unit tests of store/db.c and statement.c: versions, damage, and one way to run SQL. */
#include "tests/unit/store_fixture.h"

#include "store/sql.h"

static int
open_folder(void **state)
{
	struct st	*st = malloc(sizeof *st);

	assert_non_null(st);
	st_make_folder(st);
	assert_int_equal(db_init(&st->db, st->dir), 0);
	*state = st;
	return 0;
}

static int
close_folder(void **state)
{
	struct st	*st = *state;

	db_free(&st->db);
	st_remove_folder(st);
	free(st);
	return 0;
}

static void
write_db(struct st *st, const void *data, size_t n)
{
	int	fd = openat(st->db.dirfd, DB_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
	assert_int_equal(close(fd), 0);
}

static void
run_sql(struct st *st, const char *sql)
{
	char	*why = NULL;

	if (sqlite3_exec(st->db.sql, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

/* ---- versions ---- */

static void
a_new_one_is_made_once(void **state)
{
	struct st	*st = *state;
	struct stat	 s;

	assert_int_equal(db_open(&st->db), 0);
	assert_int_equal(st_number(st, "PRAGMA user_version"), db_version(sql_migrations));
	assert_int_equal(st_number(st, "PRAGMA application_id"), DB_APPLICATION);
	assert_int_equal(st_number(st, "PRAGMA foreign_keys"), 1);
	assert_int_equal(st_number(st, "PRAGMA synchronous"), 1);
	assert_int_equal(st_number(st, "PRAGMA auto_vacuum"), 2);
	assert_int_equal(st_number(st, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
	run_sql(st, "INSERT INTO tests (uid, suite, name) VALUES (1, 's', 'n')");
	db_close(&st->db);
	assert_int_equal(db_open(&st->db), 0);
	assert_int_equal(st_number(st, "SELECT count(*) FROM tests"), 1);
	assert_int_equal(fstatat(st->db.dirfd, DB_NAME, &s, 0), 0);
}

static const struct sql_migration steps[] = {
	{ 2, "CREATE TABLE two (x); INSERT INTO two VALUES (22)" },
	{ 3, "ALTER TABLE two ADD COLUMN y DEFAULT 33" },
	{ 0, NULL },
};

static void
an_old_one_takes_each_step_once(void **state)
{
	struct st	*st = *state;

	assert_int_equal(db_open(&st->db), 0);
	run_sql(st, "PRAGMA user_version = 1");
	assert_int_equal(db_version(steps), 3);
	assert_int_equal(db_migrate(&st->db, sql_schema, steps), 0);
	assert_int_equal(st_number(st, "SELECT x + y FROM two"), 55);
	assert_int_equal(st_number(st, "PRAGMA user_version"), 3);
	assert_int_equal(db_migrate(&st->db, sql_schema, steps), 0);
	run_sql(st, "DROP TABLE two; CREATE TABLE two (x); PRAGMA user_version = 2");
	assert_int_equal(db_migrate(&st->db, sql_schema, steps), 0);
	assert_int_equal(st_number(st, "SELECT count(*) FROM two"), 0);	/* only the last */
}

static void
a_step_that_fails_leaves_nothing(void **state)
{
	static const struct sql_migration	bad[] = {
		{ 2, "CREATE TABLE two (x)" },
		{ 3, "CREATE TABLE three (x); CREATE TABLE two (x)" },
		{ 0, NULL },
	};
	struct st				*st = *state;

	assert_int_equal(db_open(&st->db), 0);
	run_sql(st, "PRAGMA user_version = 1");
	assert_true(db_migrate(&st->db, sql_schema, bad) < 0);
	assert_int_equal(st_number(st, "PRAGMA user_version"), 2);
	assert_int_equal(st_number(st, "SELECT count(*) FROM sqlite_schema WHERE name = 'three'"),
	    0);
	assert_int_equal(sqlite3_get_autocommit(st->db.sql), 1);
}

static void
a_newer_one_is_left_alone(void **state)
{
	struct st	*st = *state;
	char		 before[8192], after[8192];
	ssize_t		 n;
	int		 fd;

	assert_int_equal(db_open(&st->db), 0);
	run_sql(st, "PRAGMA journal_mode = DELETE; PRAGMA user_version = 1000");
	db_close(&st->db);
	fd = openat(st->db.dirfd, DB_NAME, O_RDONLY | O_CLOEXEC);
	n = read(fd, before, sizeof before);
	assert_true(n > 1000);
	assert_int_equal(db_open(&st->db), -ENOTSUP);
	assert_null(st->db.sql);
	assert_int_equal(pread(fd, after, sizeof after, 0), n);
	assert_memory_equal(after, before, (size_t)n);
	(void)close(fd);
}

/* ---- damage ---- */

static void
what_is_no_database_is_damaged(void **state)
{
	static const char	junk[5000] = "this is not a database";
	struct st		*st = *state;
	char			 name[DB_DAMAGED_MAX], found[DB_DAMAGED_MAX];
	struct stat		 s;

	assert_false(db_find_damaged(&st->db, found));
	write_db(st, junk, sizeof junk);
	assert_int_equal(db_open(&st->db), -EUCLEAN);
	assert_int_equal(db_set_aside(&st->db, name), 0);
	assert_int_equal(fstatat(st->db.dirfd, name, &s, 0), 0);
	assert_int_equal(s.st_size, sizeof junk);
	assert_int_equal(db_open(&st->db), 0);
	assert_true(db_find_damaged(&st->db, found));
	assert_string_equal(found, name);
	/* Twice in a second: another name, and both are there. */
	assert_int_equal(db_set_aside(&st->db, found), 0);
	assert_string_not_equal(found, name);
	assert_int_equal(fstatat(st->db.dirfd, name, &s, 0), 0);
	assert_int_equal(fstatat(st->db.dirfd, found, &s, 0), 0);
}

static void
somebody_elses_database_is_not_ours(void **state)
{
	struct st	*st = *state;
	sqlite3		*sql;
	char		 path[64];

	(void)snprintf(path, sizeof path, "%s/" DB_NAME, st->dir);
	assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sql, "CREATE TABLE theirs (x)", NULL, NULL, NULL), 0);
	(void)sqlite3_close(sql);
	assert_int_equal(db_open(&st->db), -EUCLEAN);
	assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sql, "SELECT x FROM theirs", NULL, NULL, NULL), 0);
	(void)sqlite3_close(sql);
}

/* A page in the middle is of no use: opening does not see it, using it does. */
static void
a_damaged_page_is_found_when_it_is_needed(void **state)
{
	static char	 junk[4096];
	struct st	*st = *state;
	struct stat	 s;
	char		 name[DB_DAMAGED_MAX];
	int		 fd, r;

	memset(junk, 0xa5, sizeof junk);
	assert_int_equal(db_open(&st->db), 0);
	run_sql(st, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)"
	    " INSERT INTO tests (uid, suite, name) SELECT 1, 'a suite', 'test ' || i FROM n");
	db_close(&st->db);
	fd = openat(st->db.dirfd, DB_NAME, O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &s), 0);
	for (off_t at = s.st_size / 8192 * 4096; at < s.st_size; at += 4096)
		assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
	(void)close(fd);
	assert_int_equal(db_open(&st->db), 0);
	r = db_run(&st->db, "SELECT total(uid), max(name), count(suite) FROM tests", "");
	assert_int_equal(r, -EUCLEAN);
	assert_int_equal(db_set_aside(&st->db, name), 0);
	assert_int_equal(db_open(&st->db), 0);
	assert_int_equal(st_number(st, "SELECT count(*) FROM tests"), 0);
}

static void
a_folder_that_others_may_enter_is_refused(void **state)
{
	struct st	*st = *state;
	struct db	 db;

	assert_int_equal(chmod(st->dir, 0750), 0);
	assert_int_equal(db_init(&db, st->dir), -EPERM);
	assert_int_equal(chmod(st->dir, 0701), 0);
	assert_int_equal(db_init(&db, st->dir), -EPERM);
	assert_int_equal(chmod(st->dir, 0700), 0);
	assert_int_equal(db_init(&db, "/nonexistent"), -ENOENT);
	db_free(&db);
	assert_int_equal(db_init(&db, st->dir), 0);
	db_free(&db);
	db_free(&db);
}

/* ---- statements ---- */

static void
a_statement_is_bound_and_prepared_once(void **state)
{
	static const char	 sql[] = "SELECT ?1, ?2, ?3, ?4, ?5, ?6";
	struct st		*st = *state;
	sqlite3_stmt		*s, *again;

	assert_int_equal(db_open(&st->db), 0);
	assert_int_equal(db_row(&st->db, &s, sql, "iudtbn", INT64_C(-5), UINT64_MAX, 0.5,
	    SV_LIT("text"), (struct sv){ "\0b", 2 }), 1);
	assert_int_equal(sqlite3_column_int64(s, 0), -5);
	assert_int_equal(sqlite3_column_int64(s, 1), -1);
	assert_true(sqlite3_column_double(s, 2) > 0.4);
	assert_string_equal(sqlite3_column_text(s, 3), "text");
	assert_int_equal(db_blob(s, 4).n, 2);
	assert_int_equal(sqlite3_column_type(s, 5), SQLITE_NULL);
	assert_int_equal(db_next(s), 0);
	/* What was bound before is not there any more; empty is not NULL. */
	assert_int_equal(db_row(&st->db, &again, sql, "nnnt", (struct sv){ NULL, 0 }), 1);
	assert_ptr_equal(again, s);
	assert_int_equal(sqlite3_column_type(s, 3), SQLITE_TEXT);
	assert_int_equal(sqlite3_column_type(s, 4), SQLITE_NULL);
	db_done(s);
	assert_int_equal(st->db.cached, 1);
}

static void
an_error_ends_a_statement(void **state)
{
	static const char	sql[] = "INSERT INTO tests (uid, suite, name) VALUES (?1, 's', ?2)";
	struct st		*st = *state;

	assert_int_equal(db_run(&st->db, "SELECT 1", ""), -EIO);	/* not open */
	assert_int_equal(db_open(&st->db), 0);
	assert_int_equal(db_run(&st->db, sql, "nt", SV_LIT("x")), -EINVAL);
	assert_int_equal(db_run(&st->db, sql, "it", INT64_C(1), SV_LIT("x")), 0);
	assert_int_equal(db_run(&st->db, sql, "it", INT64_C(1), SV_LIT("x")), -EINVAL);
	assert_int_equal(st_number(st, "SELECT count(*) FROM tests"), 1);
}

#define WITH_FOLDER(f)	cmocka_unit_test_setup_teardown(f, open_folder, close_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(a_new_one_is_made_once),
		WITH_FOLDER(an_old_one_takes_each_step_once),
		WITH_FOLDER(a_step_that_fails_leaves_nothing),
		WITH_FOLDER(a_newer_one_is_left_alone),
		WITH_FOLDER(what_is_no_database_is_damaged),
		WITH_FOLDER(somebody_elses_database_is_not_ours),
		WITH_FOLDER(a_damaged_page_is_found_when_it_is_needed),
		WITH_FOLDER(a_folder_that_others_may_enter_is_refused),
		WITH_FOLDER(a_statement_is_bound_and_prepared_once),
		WITH_FOLDER(an_error_ends_a_statement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

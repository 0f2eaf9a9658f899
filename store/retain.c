/* What is not kept any longer; see retain.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "store/blob.h"
#include "store/db.h"
#include "store/retain.h"

#define RETAIN_ROWS	"128"		/* removed in one step */
#define RETAIN_PAGES	"256"		/* given back in one step */
#define RETAIN_FREE	256		/* pages that may stay free */
#define RETAIN_FOLDERS	256

void
retain_init(struct retain *rt, uint64_t keep_ms, uint64_t keep_runs, uint64_t keep_bytes)
{
	*rt = (struct retain){ .keep_ms = keep_ms, .keep_runs = keep_runs,
	    .keep_bytes = keep_bytes };
}

void
retain_users(struct retain *rt, uint64_t keep_bytes, uint64_t owner)
{
	rt->keep_user_bytes = keep_bytes;
	rt->owner = owner;
}

static int
number(struct db *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt	*st;
	int		 r = db_row(db, &st, sql, "");

	*ret = 0;
	if (r != 1)
		return r;
	*ret = sqlite3_column_int64(st, 0);
	db_done(st);
	return 0;
}

/* ---- the oldest run ---- */

/* All that is over, of everybody or of one. */
struct sums {
	uint64_t	uid, runs;
	double		bytes;
};

static bool
is_beyond(const struct retain *rt, const struct sums *s)
{
	return (rt->keep_runs > 0 && s->runs > rt->keep_runs) ||
	    (rt->keep_bytes > 0 && s->bytes > (double)rt->keep_bytes);
}

/* 1 when somebody but root and the owner has runs; two looks into an index. */
static int
has_others(struct db *db, const struct retain *rt)
{
	static const char	 sql[] = "SELECT EXISTS (SELECT 1 FROM runs WHERE uid > ?1) OR"
				    " EXISTS (SELECT 1 FROM runs WHERE uid > 0 AND uid < ?1)";
	sqlite3_stmt		*st;
	int			 r = db_row(db, &st, sql, "u", rt->owner), others;

	if (r != 1)
		return r;
	others = sqlite3_column_int(st, 0);
	db_done(st);
	return others;
}

/* 1 and the user whose oldest run is to go. */
static int
find_user(struct db *db, const struct retain *rt, uint64_t *ret)
{
	static const char	 sql[] = "SELECT uid, count(*), total(size_bytes) FROM runs"
				    " WHERE end_ms IS NOT NULL GROUP BY uid";
	struct sums		 all = { .runs = 0 }, one, largest = { .runs = 0 },
				 longest = { .runs = 0 }, beyond = { .runs = 0 };
	sqlite3_stmt		*st;
	int			 r;

	for (r = db_row(db, &st, sql, ""); r == 1; r = db_next(st)) {
		one = (struct sums){ (uint64_t)sqlite3_column_int64(st, 0),
		    (uint64_t)sqlite3_column_int64(st, 1), sqlite3_column_double(st, 2) };
		all.runs += one.runs;
		all.bytes += one.bytes;
		if (one.bytes > largest.bytes)
			largest = one;
		if (one.runs > longest.runs)
			longest = one;
		if (one.uid != 0 && one.uid != rt->owner && rt->keep_user_bytes > 0 &&
		    one.bytes > (double)rt->keep_user_bytes && one.bytes > beyond.bytes)
			beyond = one;
	}
	if (r != 0 || (beyond.runs == 0 && !is_beyond(rt, &all)))
		return r;
	*ret = beyond.runs > 0 ? beyond.uid : rt->keep_runs > 0 && all.runs > rt->keep_runs ?
	    longest.uid : largest.uid;
	return 1;
}

/* Of several users.  1 and the run that is to go. */
static int
find_fairly(struct db *db, const struct retain *rt, int64_t *ret)
{
	static const char	 sql[] = "SELECT id FROM runs WHERE uid = ?1 AND"
				    " end_ms IS NOT NULL ORDER BY end_ms, id LIMIT 1";
	sqlite3_stmt		*st;
	uint64_t		 uid;
	int			 r = find_user(db, rt, &uid);

	if (r == 1)
		r = db_row(db, &st, sql, "u", uid);
	if (r != 1)
		return r;
	*ret = sqlite3_column_int64(st, 0);
	db_done(st);
	return 1;
}

/* 1 and the run that is to go. */
static int
find_run(struct db *db, const struct retain *rt, uint64_t now, int64_t *ret)
{
	static const char	 sql[] = "SELECT id, end_ms FROM runs WHERE end_ms IS NOT NULL"
				    " ORDER BY end_ms, id LIMIT 1";
	static const char	 sql_sum[] = "SELECT count(*), total(size_bytes) FROM runs"
				    " WHERE end_ms IS NOT NULL";
	struct sums		 all = { .uid = 0 };
	sqlite3_stmt		*st;
	uint64_t		 ended;
	int			 r = db_row(db, &st, sql, "");

	if (r != 1)
		return r;
	*ret = sqlite3_column_int64(st, 0);
	ended = (uint64_t)sqlite3_column_int64(st, 1);
	db_done(st);
	if (rt->keep_ms > 0 && now > rt->keep_ms && ended < now - rt->keep_ms)
		return 1;
	r = has_others(db, rt);
	if (r != 0)
		return r == 1 ? find_fairly(db, rt, ret) : r;
	if (rt->keep_runs == 0 && rt->keep_bytes == 0)
		return 0;
	r = db_row(db, &st, sql_sum, "");
	if (r != 1)
		return r;
	all.runs = (uint64_t)sqlite3_column_int64(st, 0);
	all.bytes = sqlite3_column_double(st, 1);
	db_done(st);
	return is_beyond(rt, &all);
}

/* ---- its rows ---- */

/* What the rows that go refer to is looked at when they are gone: in temporary tables,
 * so that a step needs no memory of its own. */
static int
prepare(struct db *db)
{
	return db_error(sqlite3_exec(db->sql,
	    "CREATE TEMP TABLE IF NOT EXISTS gone (id INTEGER PRIMARY KEY);"
	    "CREATE TEMP TABLE IF NOT EXISTS gone_tests (id INTEGER PRIMARY KEY);"
	    "DELETE FROM temp.gone; DELETE FROM temp.gone_tests", NULL, NULL, NULL));
}

struct file {
	struct file	*next;
	char		 name[BLOB_NAME_MAX];
};

/* The files of outputs that go, removed when their rows are gone for good. */
static int
list_files(struct db *db, struct file **ret)
{
	static const char	 sql[] = "SELECT hash, uid FROM outputs WHERE data IS NULL"
				    " AND id IN (SELECT id FROM temp.gone)";
	sqlite3_stmt		*st;
	struct file		*f;
	int			 r;

	for (r = db_row(db, &st, sql, ""); r == 1; r = db_next(st)) {
		if (db_blob(st, 0).n != BLOB_HASH)
			continue;
		f = calloc(1, sizeof *f);
		if (f == NULL) {
			db_done(st);
			return -ENOMEM;
		}
		blob_name(f->name, (const unsigned char *)db_blob(st, 0).p,
		    (uint64_t)sqlite3_column_int64(st, 1));
		f->next = *ret;
		*ret = f;
	}
	return r;
}

/* Some attempts of a run, and outputs that nobody else has.  1 when there were any. */
static int
drop_attempts(struct db *db, int64_t run, struct file **files)
{
	static const char	sql_note[] = "INSERT OR IGNORE INTO temp.gone SELECT output"
				    " FROM (SELECT output FROM attempts WHERE run = ?1"
				    " ORDER BY idx, attempt LIMIT " RETAIN_ROWS ")"
				    " WHERE output IS NOT NULL";
	static const char	sql_drop[] = "DELETE FROM attempts WHERE (run, idx, attempt) IN"
				    " (SELECT run, idx, attempt FROM attempts WHERE run = ?1"
				    " ORDER BY idx, attempt LIMIT " RETAIN_ROWS ")";
	static const char	sql_used[] = "DELETE FROM temp.gone WHERE EXISTS"
				    " (SELECT 1 FROM attempts WHERE output = gone.id)";
	static const char	sql_outputs[] = "DELETE FROM outputs WHERE id IN"
				    " (SELECT id FROM temp.gone)";
	int64_t			changed;
	int			r;

	r = db_run(db, sql_note, "i", run);
	if (r == 0)
		r = db_run(db, sql_drop, "i", run);
	changed = sqlite3_changes64(db->sql);
	if (r != 0 || changed == 0)
		return r;
	r = db_run(db, sql_used, "");
	if (r == 0)
		r = list_files(db, files);
	if (r == 0)
		r = db_run(db, sql_outputs, "");
	return r == 0 ? 1 : r;
}

/* Some tests of a run that has no attempts any more, and definitions and tests that are of
 * no other run.  1 when there were any. */
static int
drop_tests(struct db *db, int64_t run)
{
	static const char	sql_note[] = "INSERT OR IGNORE INTO temp.gone SELECT spec"
				    " FROM run_tests WHERE run = ?1 ORDER BY idx LIMIT " RETAIN_ROWS;
	static const char	sql_note_tests[] = "INSERT OR IGNORE INTO temp.gone_tests"
				    " SELECT test FROM run_tests WHERE run = ?1 ORDER BY idx"
				    " LIMIT " RETAIN_ROWS;
	static const char	sql_drop[] = "DELETE FROM run_tests WHERE (run, idx) IN"
				    " (SELECT run, idx FROM run_tests WHERE run = ?1"
				    " ORDER BY idx LIMIT " RETAIN_ROWS ")";
	static const char	sql_specs[] = "DELETE FROM specs WHERE id IN"
				    " (SELECT id FROM temp.gone) AND NOT EXISTS"
				    " (SELECT 1 FROM run_tests WHERE spec = specs.id)";
	static const char	sql_tests[] = "DELETE FROM tests WHERE id IN"
				    " (SELECT id FROM temp.gone_tests) AND NOT EXISTS"
				    " (SELECT 1 FROM run_tests WHERE test = tests.id)"
				    " AND NOT EXISTS (SELECT 1 FROM attempts WHERE test = tests.id)";
	int64_t			changed;
	int			r;

	r = db_run(db, sql_note, "i", run);
	if (r == 0)
		r = db_run(db, sql_note_tests, "i", run);
	if (r == 0)
		r = db_run(db, sql_drop, "i", run);
	changed = sqlite3_changes64(db->sql);
	if (r != 0 || changed == 0)
		return r;
	r = db_run(db, sql_specs, "");
	if (r == 0)
		r = db_run(db, sql_tests, "");
	return r == 0 ? 1 : r;
}

static int
drop_rest(struct db *db, int64_t run)
{
	static const char	sql_log[] = "DELETE FROM event_log WHERE (run, first_seq) IN"
				    " (SELECT run, first_seq FROM event_log WHERE run = ?1"
				    " LIMIT " RETAIN_ROWS ")";
	static const char	sql_run[] = "DELETE FROM runs WHERE id = ?1";
	int			r = db_run(db, sql_log, "i", run);

	if (r == 0 && sqlite3_changes64(db->sql) == 0)
		r = db_run(db, sql_run, "i", run);
	return r;
}

static int
drop_run(struct db *db, int64_t run)
{
	struct file	*files = NULL, *f;
	int		 r = prepare(db);

	if (r == 0)
		r = db_error(sqlite3_exec(db->sql, "BEGIN IMMEDIATE", NULL, NULL, NULL));
	if (r != 0)
		return r;
	r = drop_attempts(db, run, &files);
	if (r == 0)
		r = drop_tests(db, run);
	if (r == 0)
		r = drop_rest(db, run);
	if (r >= 0)
		r = db_error(sqlite3_exec(db->sql, "COMMIT", NULL, NULL, NULL));
	if (r != 0 && sqlite3_get_autocommit(db->sql) == 0)
		(void)sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	while ((f = files) != NULL) {
		files = f->next;
		if (r == 0)
			(void)unlinkat(db->dirfd, f->name, 0);	/* else it is swept */
		free(f);
	}
	return r == 0 ? 1 : r;
}

/* ---- files without a row ---- */

static bool
from_hex(const char *name, unsigned char hash[BLOB_HASH])
{
	unsigned	byte;

	for (int i = 0; i < BLOB_HASH; i++) {
		if (sscanf(name + 2 * i, "%2x", &byte) != 1)
			return false;
		hash[i] = (unsigned char)byte;
	}
	return true;
}

/* 1 when a row refers to the file of this name. */
static int
is_used(struct db *db, unsigned folder, const char *name)
{
	static const char	 sql[] = "SELECT uid FROM outputs WHERE hash = ?2 AND uid = ?1"
				    " AND data IS NULL";
	unsigned char		 hash[BLOB_HASH];
	char			 want[BLOB_NAME_MAX];
	sqlite3_stmt		*st;
	uint64_t		 uid;
	int			 r;

	if (strlen(name) < 2 * BLOB_HASH + 2 || strlen(name) > BLOB_NAME_MAX / 2 + 8 ||
	    !from_hex(name, hash))
		return 0;
	uid = strtoull(name + 2 * BLOB_HASH + 1, NULL, 10);
	blob_name(want, hash, uid);
	if (hash[0] != folder || strcmp(want + sizeof BLOB_DIR "/00", name) != 0)
		return 0;	/* half written */
	r = db_row(db, &st, sql, "ub", uid, (struct sv){ (const char *)hash, sizeof hash });
	if (r == 1)
		db_done(st);
	return r;
}

static int
sweep_folder(struct db *db, unsigned folder)
{
	char		 path[32];
	struct dirent	*e;
	DIR		*dir;
	int		 fd, used = 1;

	(void)snprintf(path, sizeof path, BLOB_DIR "/%02x", folder);
	fd = openat(db->dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		fd_close(&fd);
		return -ENOMEM;
	}
	while (used >= 0 && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		used = is_used(db, folder, e->d_name);
		if (used == 0)
			(void)unlinkat(fd, e->d_name, 0);
	}
	(void)closedir(dir);
	return used < 0 ? used : 0;
}

/* ---- a step ---- */

int
retain_step(struct db *db, struct retain *rt, uint64_t now_ms)
{
	int64_t	run = 0, unused;
	int	r = find_run(db, rt, now_ms, &run);

	if (r != 0)
		return r == 1 ? drop_run(db, run) : r;
	if (rt->folder < RETAIN_FOLDERS) {
		r = sweep_folder(db, rt->folder++);
		return r == 0 ? 1 : r;
	}
	r = number(db, "PRAGMA freelist_count", &unused);
	if (r != 0 || unused <= RETAIN_FREE)
		return r;
	r = db_error(sqlite3_exec(db->sql, "PRAGMA incremental_vacuum(" RETAIN_PAGES ")", NULL,
	    NULL, NULL));
	return r == 0 ? 1 : r;
}

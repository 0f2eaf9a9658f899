/* Opening the database; see db.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fdutil.h"
#include "store/db.h"
#include "store/sql.h"

#define DB_BUSY_MS	500	/* others only read, and short */
#define DB_MOMENT	640	/* bytes, and how many */
#define DB_MOMENTS	500

int
db_error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
		return -EINVAL;
	default:
		return -EIO;
	}
}

int
db_init(struct db *db, const char *dir)
{
	struct stat	st;

	memset(db, 0, sizeof *db);
	db->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (db->dirfd == -1)
		return -errno;
	if (fstat(db->dirfd, &st) == -1 || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		fd_close(&db->dirfd);
		return -EPERM;
	}
	db->dir = strdup(dir);
	if (db->dir == NULL) {
		fd_close(&db->dirfd);
		return -ENOMEM;
	}
	return 0;
}

void
db_close(struct db *db)
{
	for (int i = 0; i < db->cached; i++)
		(void)sqlite3_finalize(db->cache[i].st);
	db->cached = 0;
	(void)sqlite3_close(db->sql);
	db->sql = NULL;
}

void
db_free(struct db *db)
{
	db_close(db);
	if (db->dir != NULL)
		fd_close(&db->dirfd);
	free(db->dir);
	memset(db, 0, sizeof *db);
}

/* ---- the schema ---- */

static int
pragma(struct db *db, const char *sql, int *ret)
{
	sqlite3_stmt	*st;
	int		 rc = sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL);

	if (rc != SQLITE_OK)
		return db_error(rc);
	rc = sqlite3_step(st);
	*ret = rc == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;
	(void)sqlite3_finalize(st);
	return db_error(rc);
}

/* One step of the schema, whole or not at all. */
static int
apply(struct db *db, const char *text, int version)
{
	char	set[96];
	int	rc;

	(void)snprintf(set, sizeof set, "PRAGMA application_id = %d; PRAGMA user_version = %d;"
	    " COMMIT", DB_APPLICATION, version);
	rc = sqlite3_exec(db->sql, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql, text, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->sql, set, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		(void)sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	return db_error(rc);
}

int
db_version(const struct sql_migration *migrations)
{
	int	version = 1;

	for (; migrations->text != NULL; migrations++)
		version = migrations->version;
	return version;
}

int
db_migrate(struct db *db, const char *schema, const struct sql_migration *migrations)
{
	int	version, application, tables, r;

	r = pragma(db, "PRAGMA user_version", &version);
	if (r == 0)
		r = pragma(db, "PRAGMA application_id", &application);
	if (r == 0)
		r = pragma(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r != 0)
		return r;
	if (version == 0 && tables == 0)
		return apply(db, schema, db_version(migrations));
	if (version < 1 || application != DB_APPLICATION)
		return -EUCLEAN;	/* somebody else's */
	if (version > db_version(migrations))
		return -ENOTSUP;
	for (; migrations->text != NULL && r == 0; migrations++) {
		if (migrations->version > version)
			r = apply(db, migrations->text, migrations->version);
	}
	return r;
}

static int
configure(struct db *db)
{
	/* What is set before the first table is made comes first. */
	static const char	sql[] =
	    "PRAGMA auto_vacuum = INCREMENTAL;"
	    "PRAGMA journal_mode = WAL;"
	    "PRAGMA synchronous = NORMAL;"
	    "PRAGMA foreign_keys = ON;"
	    "PRAGMA temp_store = MEMORY;"
	    "PRAGMA cache_size = -32000;"		/* KiB */
	    "PRAGMA wal_autocheckpoint = 4000;"		/* pages: seldom waits for a disk */
	    "PRAGMA trusted_schema = OFF";

	(void)sqlite3_extended_result_codes(db->sql, 1);
	(void)sqlite3_busy_timeout(db->sql, DB_BUSY_MS);
	(void)sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return db_error(sqlite3_exec(db->sql, sql, NULL, NULL, NULL));
}

/*
 * Reads the header and the schema.  A page that is damaged further in is found when it
 * is first needed: a check of all pages would hold up the start of a large history for
 * seconds, and find nothing in it that a step does not find by itself.
 */
int
db_open(struct db *db)
{
	char	path[4096];
	int	r, newer;

	if ((size_t)snprintf(path, sizeof path, "%s/" DB_NAME, db->dir) >= sizeof path)
		return -ENAMETOOLONG;
	r = db_error(sqlite3_open_v2(path, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
	    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL));
	/* What statements need for a moment is taken from here, and not from malloc(). */
	if (r == 0)
		(void)sqlite3_db_config(db->sql, SQLITE_DBCONFIG_LOOKASIDE, NULL, DB_MOMENT,
		    DB_MOMENTS);
	/* One of a newer version is not even configured. */
	if (r == 0)
		r = pragma(db, "PRAGMA user_version", &newer);
	if (r == 0 && newer > db_version(sql_migrations))
		r = -ENOTSUP;
	if (r == 0)
		r = configure(db);
	if (r == 0)
		r = db_migrate(db, sql_schema, sql_migrations);
	if (r != 0)
		db_close(db);
	return r;
}

/* ---- what is damaged ---- */

int
db_set_aside(struct db *db, char ret_name[DB_DAMAGED_MAX])
{
	static const char *const	parts[] = { "-wal", "-shm", "" };
	char				from[64], to[DB_DAMAGED_MAX + 8], when[32];
	time_t				now = (time_t)(wall_ms() / 1000);
	struct tm			tm;

	if (db->sql != NULL)	/* its log stays as it is, as evidence */
		(void)sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	db_close(db);
	(void)strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(ret_name, DB_DAMAGED_MAX, i == 0 ? DB_NAME ".damaged-%s" :
		    DB_NAME ".damaged-%s.%d", when, i);
		if (faccessat(db->dirfd, ret_name, F_OK, AT_SYMLINK_NOFOLLOW) == -1)
			break;
	}
	/* The log first: SQLite would remove one that it finds without its database. */
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		(void)snprintf(from, sizeof from, DB_NAME "%s", parts[i]);
		(void)snprintf(to, sizeof to, "%s%s", ret_name, parts[i]);
		if (renameat(db->dirfd, from, db->dirfd, to) == -1 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

bool
db_find_damaged(const struct db *db, char ret_name[DB_DAMAGED_MAX])
{
	static const char	mark[] = ".damaged-";
	struct dirent		*e;
	bool			 found = false;
	int			 fd = openat(db->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR			*dir = fd != -1 ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		fd_close(&fd);
		return false;
	}
	while (!found && (e = readdir(dir)) != NULL) {
		found = strstr(e->d_name, mark) != NULL && strlen(e->d_name) < DB_DAMAGED_MAX;
		if (found)
			memcpy(ret_name, e->d_name, strlen(e->d_name) + 1);
	}
	(void)closedir(dir);
	return found;
}

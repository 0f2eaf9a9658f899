/*
 * The database of the history: opened, brought to the newest schema, set aside when it
 * is damaged; and one way to run a statement on it.
 *
 * Errors are -errno everywhere: -EUCLEAN for a file that is damaged or no database,
 * -ENOSPC, -EROFS, -EIO, -ENOMEM, -EBUSY; -EINVAL when a constraint refused a row;
 * -ENOTSUP for a database of a newer version.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "common/sv.h"

#define DB_NAME		"history.db"
#define DB_APPLICATION	0x70747374	/* "ptst": whose file it is (PRAGMA application_id) */
#define DB_STATEMENTS	64
#define DB_DAMAGED_MAX	64		/* bytes of a name that db_set_aside() gives */

struct sql_migration;

struct db {
	sqlite3	*sql;			/* NULL: not open */
	char	*dir;
	int	 dirfd;			/* the folder it is in */
	struct {
		const char	*text;
		sqlite3_stmt	*st;
	} cache[DB_STATEMENTS];
	int	 cached;
};

/* Takes the folder: it must be ours and closed to others.  0, or -errno (-EPERM: it is
 * not ours, or others may enter it). */
int	db_init(struct db *, const char *dir);
void	db_free(struct db *);		/* takes a zeroed one */

/* Opens or makes the database in it.  0 or -errno; it is closed then. */
int	db_open(struct db *);
void	db_close(struct db *);

/* Brings it to the newest version: a new one by `schema`, an old one by what comes after
 * its version, each in a transaction.  What db_open() does with sql.h. */
int	db_migrate(struct db *, const char *schema, const struct sql_migration *);

/* The version of a database that `migrations` made. */
int	db_version(const struct sql_migration *);

/* Gives a damaged database and its log another name, "history.db.damaged-TIME".  It is
 * closed.  0 or -errno. */
int	db_set_aside(struct db *, char ret_name[DB_DAMAGED_MAX]);

/* The name of something damaged that is still in the folder; false: there is none. */
bool	db_find_damaged(const struct db *, char ret_name[DB_DAMAGED_MAX]);

/*
 * Binds and runs a statement.  `sql` is a literal: it is prepared once, and found again
 * by its address.  `format` has a letter for each parameter: i int64_t, u uint64_t (as
 * its 64 bits), d double, t struct sv text, b struct sv blob, n NULL without an argument.
 * What is bound must live until the next db_done().
 *
 * db_row(): 1 a row, which is read with sqlite3_column_...; then db_next() for the next,
 * or db_done().  0: no row; or -errno, and db_done() was called.
 * db_run(): to its end, for what gives no row.
 */
int	db_row(struct db *, sqlite3_stmt **ret, const char *sql, const char *format, ...);
int	db_next(sqlite3_stmt *);
void	db_done(sqlite3_stmt *);
int	db_run(struct db *, const char *sql, const char *format, ...);

/* The -errno of a result code of SQLite. */
int	db_error(int rc);

static inline struct sv
db_blob(sqlite3_stmt *st, int column)
{
	const void	*p = sqlite3_column_blob(st, column);

	return (struct sv){ p, p != NULL ? (size_t)sqlite3_column_bytes(st, column) : 0 };
}

/* A number for a column that is added to others: cut where a sum could overflow. */
#define DB_NUMBER_MAX	(UINT64_C(1) << 50)

static inline uint64_t
db_cut(uint64_t v)
{
	return v > DB_NUMBER_MAX ? DB_NUMBER_MAX : v;
}

#endif

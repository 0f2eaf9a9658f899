/* One way to run a statement: prepared once, bound, stepped, reset; see db.h. */
#include <errno.h>
#include <stdarg.h>

#include "store/db.h"

static int
find(struct db *db, const char *sql, sqlite3_stmt **ret)
{
	int	rc;

	for (int i = 0; i < db->cached; i++) {
		if (db->cache[i].text == sql) {
			*ret = db->cache[i].st;
			return 0;
		}
	}
	if (db->sql == NULL || db->cached == DB_STATEMENTS)
		return -EIO;
	rc = sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
	if (rc != SQLITE_OK)
		return db_error(rc);
	db->cache[db->cached].text = sql;
	db->cache[db->cached++].st = *ret;
	return 0;
}

static int
bind_one(sqlite3_stmt *st, int at, char kind, va_list *ap)
{
	struct sv	s;

	switch (kind) {
	case 'i':
		return sqlite3_bind_int64(st, at, va_arg(*ap, int64_t));
	case 'u':
		return sqlite3_bind_int64(st, at, (int64_t)va_arg(*ap, uint64_t));
	case 'd':
		return sqlite3_bind_double(st, at, va_arg(*ap, double));
	case 't':
		s = va_arg(*ap, struct sv);
		return sqlite3_bind_text64(st, at, s.n > 0 ? s.p : "", s.n, SQLITE_STATIC,
		    SQLITE_UTF8);
	case 'b':
		s = va_arg(*ap, struct sv);
		return sqlite3_bind_blob64(st, at, s.n > 0 ? s.p : "", s.n, SQLITE_STATIC);
	default:
		return sqlite3_bind_null(st, at);
	}
}

static int
start(struct db *db, sqlite3_stmt **ret, const char *sql, const char *format, va_list *ap)
{
	int	r = find(db, sql, ret), rc = SQLITE_OK;

	if (r != 0)
		return r;
	for (int i = 0; format[i] != '\0' && rc == SQLITE_OK; i++)
		rc = bind_one(*ret, i + 1, format[i], ap);
	if (rc != SQLITE_OK) {
		db_done(*ret);
		return db_error(rc);
	}
	return db_next(*ret);
}

int
db_row(struct db *db, sqlite3_stmt **ret, const char *sql, const char *format, ...)
{
	va_list	ap;
	int	r;

	va_start(ap, format);
	r = start(db, ret, sql, format, &ap);
	va_end(ap);
	return r;
}

int
db_run(struct db *db, const char *sql, const char *format, ...)
{
	sqlite3_stmt	*st;
	va_list		 ap;
	int		 r;

	va_start(ap, format);
	r = start(db, &st, sql, format, &ap);
	va_end(ap);
	while (r == 1)
		r = db_next(st);
	return r;
}

int
db_next(sqlite3_stmt *st)
{
	int	rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	db_done(st);
	return db_error(rc);
}

/* What was bound is let go of: its memory is the caller's. */
void
db_done(sqlite3_stmt *st)
{
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
}

/* The schema and its migrations: made of schema.sql and migrations/ by the build. */
#ifndef STORE_SQL_H
#define STORE_SQL_H

/* Migration N turns a database of version N - 1 into one of version N. */
struct sql_migration {
	int		 version;
	const char	*text;
};

extern const char			 sql_schema[];
extern const struct sql_migration	 sql_migrations[];	/* ends with text NULL */

#endif

#!/bin/sh
# sql.sh: the schema of the history and its migrations as strings of a C file, in the
# order of their names.  Lines become string literals, so that no length limit of a
# literal is near.
set -eu
cd "$(dirname "$0")/.."

literal() {	# FILE
	sed 's/\\/\\\\/g; s/"/\\"/g; s/^/	"/; s/$/\\n"/' "$1"
}

echo '/* Made by tools/sql.sh: do not edit. */'
echo '#include <stddef.h>'
echo '#include "store/sql.h"'
echo 'const char sql_schema[] ='
literal store/schema.sql
echo ';'
echo 'const struct sql_migration sql_migrations[] = {'
for f in store/migrations/*.sql; do
	[ -e "$f" ] || continue
	n=$(basename "$f" .sql)
	echo "	{ ${n%%-*},"
	literal "$f"
	echo '	},'
done
echo '	{ 0, NULL }'
echo '};'

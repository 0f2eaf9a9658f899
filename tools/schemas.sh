#!/bin/sh
# schemas.sh: the schemas of paratest-mcp's tools as strings of a C file, named after
# their files.  Lines become string literals, so that no length limit of a literal is
# near.
set -eu
cd "$(dirname "$0")/.."

echo '/* Made by tools/schemas.sh: do not edit. */'
echo '#include "mcpsrv/schemas.h"'
for f in mcpsrv/schemas/*.json; do
	name=$(basename "$f" .json)
	echo "const char schema_${name%.*}_${name##*.}[] ="
	sed 's/\\/\\\\/g; s/"/\\"/g; s/^[	]*/	"/; s/$/"/' "$f"
	echo ';'
done

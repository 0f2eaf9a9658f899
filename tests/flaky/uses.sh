#!/bin/sh
# uses.sh N: every run adds a row to a table in the shared folder; the N-th run finds the
# table full, and empties it.
#
# Flaw: a run leaves behind what later runs trip over: it is not idempotent.  Right: a
# table of its own, or one that is emptied first.
table=$FLAKY_SHARED/table
n=$1
case ${FLAKY_P:-} in
0)	rm -f "$table" ;;
1)	n=1 ;;
esac
echo row >>"$table"
[ "$(wc -l <"$table")" -lt "$n" ] && exit 0
rm -f "$table"
echo "the table is full" >&2
exit 1

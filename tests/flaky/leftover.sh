#!/bin/sh
# leftover.sh leave|clean|find: three tests that share a folder.  The first leaves a file
# there, the second removes it, the third expects that it is not there.
#
# Flaw: the third depends on which of the other two was the last to run.  Right: it
# makes sure of what it takes for granted, and the first cleans up.
file=$FLAKY_SHARED/leftover
case $1 in
leave)	echo old >"$file" ;;
clean)	rm -f "$file" ;;
find)	[ ! -e "$file" ] || { echo "the list has 1 entry, expected none" >&2; exit 1; } ;;
esac

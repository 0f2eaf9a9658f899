#!/bin/sh
# prepared.sh prepare|clear|use: the first test makes an account, the second removes all
# accounts, the third uses the one that the first has made.
#
# Flaw: the third passes only when the first ran before it, and the second did not run
# in between.  Right: each test makes what it needs.
file=$FLAKY_SHARED/account
case $1 in
prepare) echo alice >"$file" ;;
clear)	rm -f "$file" ;;
use)	[ -e "$file" ] || { echo "no such account: alice" >&2; exit 1; } ;;
esac

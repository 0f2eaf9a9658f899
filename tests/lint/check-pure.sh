#!/bin/sh
# check-pure.sh OBJ...: the policy objects may call nothing but memory, strings
# and sort: no clock, no descriptor, no log, no random.  The linker says so.
set -eu

# The logarithms are those of policy/flake.c; they have no state but errno.
# bcmp is how clang writes a memcmp that is only asked for equality.
allowed='calloc|free|memcpy|memmove|memset|memcmp|bcmp|strcmp|strlen|qsort|log|log1p|exp'
allowed="$allowed|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_"

[ $# -gt 0 ] || { echo "check-pure: no objects given" >&2; exit 2; }
tmp=$(mktemp) || exit 2
trap 'rm -f "$tmp"' EXIT
ld -r -o "$tmp" "$@"
bad=$(nm -u "$tmp" | awk '{ print $NF }' | grep -vxE "$allowed" | tr '\n' ' ' || true)
if [ -n "$bad" ]; then
	echo "check-pure: supervisor/policy must be pure, but calls: $bad" >&2
	exit 1
fi

#!/bin/sh
# check-wire.sh [--update]: what msg.def says is compared with wire.txt, the list
# that was released.  A code or a tag there is never changed, dropped or used for
# something else; additions are free, and --update takes them into the list.
set -eu

cd "${CHECK_ROOT:-$(dirname "$0")/../..}"
list=tests/lint/wire.txt
tmp=$(mktemp) || exit 2
trap 'rm -f "$tmp"' EXIT

# One line a declaration: "message NAME DIR CODE", "field message.name TAG KIND".
# Comments go first, then line ends, so that a declaration may be broken.
sed -E 's,/\*([^*]|\*+[^*/])*\*+/,,g' common/msg.def |
    awk '/\/\*/ { sub(/\/\*.*/, ""); print; skip = 1; next }
	 skip { if (sub(/^.*\*\//, "")) skip = 0; else next }
	 /^[ \t]*#/ { next }
	 { print }' |
    tr '\n\t' '  ' |
    grep -oE '\b(MSG|U64|BOOL|STR|BIN|STRS|NUMS)\([^)]*\)' |
    tr -d ' ' | tr '(),' '   ' |
    awk '$1 == "MSG" { print "message", $5, $2, tolower($3); next }
	 { print "field", $2 "." $3, $4, $1 }' > "$tmp"
[ -s "$tmp" ] || { echo "check-wire: nothing found in common/msg.def" >&2; exit 2; }

bad=$(awk '
	$1 == "message" {
		if ($4 in code) print "code " $4 " is used by " code[$4] " and " $2
		code[$4] = $2
		if ($2 in name) print "message " $2 " is declared twice"
		name[$2] = 1
	}
	$1 == "field" {
		split($2, part, ".")
		key = part[1] " " $3
		if (key in tag) print "tag " $3 " is used by " tag[key] " and " $2
		tag[key] = $2
		if (!(part[1] in name)) print "field " $2 " is of no message"
	}' "$tmp")
if [ -f "$list" ]; then
	gone=$(awk 'NR == FNR { now[$0] = 1; next }
	    !/^#/ && NF && !($0 in now) { print "changed or gone: " $0 }' "$tmp" "$list")
	bad=$(printf '%s\n%s\n' "$bad" "$gone" | sed '/^$/d')
elif [ "${1:-}" != --update ]; then
	bad="$list is missing"
fi
if [ -n "$bad" ]; then
	echo "$bad" | sed 's/^/check-wire: /' >&2
	echo "check-wire: what is on the wire stays as it was released: give it a new code or" \
	    "tag" >&2
	exit 1
fi
if [ "${1:-}" = --update ]; then
	{
		echo "# Released codes and tags: written by check-wire.sh --update, lines only" \
		    "come."
		cat "$tmp"
	} > "$list"
	exit 0
fi
new=$(awk 'NR == FNR { old[$0] = 1; next } !($0 in old)' "$list" "$tmp" | wc -l)
[ "$new" -eq 0 ] ||
    echo "check-wire: $new new declarations; to release them: tests/lint/check-wire.sh --update"

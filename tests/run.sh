#!/bin/sh
# Runs test programs: run.sh PROGRAM...
#
# As many at a time as there are CPUs, or TEST_JOBS.  A line a program as it ends; then all that
# a program said that failed.  Counts are what cmocka prints; a program that prints none is one
# test.  The last line is "N passed, N failed, N skipped"; exit 0 when none failed and at least
# one passed.
# Just before it stands what each failed check said: the end of a long log is what is kept.
# Each has TEST_TIMEOUT seconds (600), then TERM, and KILL ten seconds later.
# BIN, the folder of the built programs, is passed on to them.
set -u

# The sum of the numbers in lines such as "[  PASSED  ] 12 test(s)." of a log.
count() {
	sed -n "s/^\[  $1 *\] \([0-9][0-9]*\) test(s).*/\1/p" "$log" |
	    awk '{ n += $1 } END { print n + 0 }'
}

# What became of a program: its log and exit code in, `p`, `f`, `s` and `why` out.
judge() {
	p=$(count PASSED) f=$(count FAILED) s=$(count SKIPPED)
	why=
	case $rc in
	0)	[ $((p + f + s)) -gt 0 ] || p=1 ;;
	124)	why=' (it took too long)' ;;
	137)	why=' (killed; it took too long, or something killed it)' ;;
	126|127) why=' (it cannot be started)' ;;
	*)	if [ "$rc" -gt 128 ]; then
			why=" (signal $((rc - 128)))"
		elif [ "$f" -eq 0 ]; then
			why=" (exit code $rc)"
		fi ;;
	esac
	[ -z "$why" ] || f=$((f + 1))
}

# One of them, for xargs: run.sh --one FOLDER PROGRAM
if [ "${1:-}" = --one ]; then
	log=$2/$(printf %s "$3" | tr / +)
	timeout -k 10 "${TEST_TIMEOUT:-600}" "$3" >"$log" 2>&1 </dev/null
	rc=$?
	echo $rc >"$log.rc"
	judge
	if [ "$f" -gt 0 ]; then
		echo "$3 ... FAILED$why"
	else
		echo "$3 ... ok, $p"
	fi
	exit 0
fi

if [ $# -eq 0 ]; then
	echo "run.sh: no test program was given: run.sh PROGRAM..." >&2
	exit 2
fi
BIN=${BIN:-build}
export BIN
logs=$(mktemp -d) || exit 2
trap 'rm -rf "$logs"' EXIT
trap 'exit 130' INT HUP TERM
printf '%s\n' "$@" | xargs -P "${TEST_JOBS:-$(nproc)}" -I PROGRAM sh "$0" --one "$logs" PROGRAM

passed=0 failed=0 skipped=0 skips='' checks=''
for program; do
	log=$logs/$(printf %s "$program" | tr / +)
	rc=$(cat "$log.rc" 2>/dev/null) || rc=127
	judge
	if [ "$f" -gt 0 ]; then
		echo "$program: FAILED$why"
		sed 's/^/    /' "$log"
		checks="$checks$(sed -n '/^\(\[ *ERROR *\]\|ERROR:\)/,/^\[ *FAILED *\]/p' "$log" |
		    sed "s|^|$program: |")
"
	fi
	if [ "$s" -gt 0 ]; then
		skips="$skips$(sed -n \
		    "s|^\[  SKIPPED \] \([^0-9 ][^ ]*\)\$|skipped: $program: \1|p" \
		    "$log" | sort -u)
"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
printf '%s%s' "$skips" "$checks"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

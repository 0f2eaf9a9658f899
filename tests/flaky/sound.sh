#!/bin/sh
# sound.sh CASE: tests that look as if they were flaky and are not.  Each does what the
# flaky ones do, and does it right; none may fail under any changed condition.
set -eu

# Polls for what must hold, with a deadline that is far away.
until_there() {
	tries=0
	while [ ! -s "$1" ]; do
		tries=$((tries + 1))
		[ $tries -lt 3000 ] || { echo "$1 is not there" >&2; exit 1; }
		sleep 0.01
	done
}

case $1 in
sleeps)		# a time passes, nothing depends on it
	sleep 0.03 ;;
polls)		# waits for the event, not for a time
	(sleep 0.02; echo ready >"$TMPDIR/ready") &
	until_there "$TMPDIR/ready"
	wait ;;
waits)		# a job in the background is waited for
	(sleep 0.02; echo done >"$TMPDIR/reply") &
	wait
	grep -q done "$TMPDIR/reply" ;;
sorts)		# random input, but what is checked holds for any
	od -An -N400 -tu2 /dev/urandom | tr -s ' ' '\n' | sed '/^$/d' | sort -n >"$TMPDIR/sorted"
	sort -n -c "$TMPDIR/sorted" ;;
shuffles)	# in any order it is the same set
	[ "$(shuf -i 1-200 | sort -n | tr '\n' ' ')" = "$(seq 200 | tr '\n' ' ')" ] ;;
computes)	# work, and no clock
	i=0
	while [ $i -lt 5000 ]; do i=$((i + 1)); done
	[ $i -eq 5000 ] ;;
private)	# temporary files of its own
	file=$(mktemp)
	echo "$$" >"$file"
	sleep 0.005
	[ "$(cat "$file")" = "$$" ]
	rm "$file" ;;
universal)	# a date, in a zone that is stated
	[ "$(date -u -d @1767297600 +%F)" = 2026-01-01 ] ;;
zoned)		# so is this
	[ "$(TZ=UTC-14 date -d @1767297600 +%F)" = 2026-01-02 ] ;;
once)		# one reading of the clock, of which all is derived
	now=$(date +%s)
	[ "$(date -u -d "@$now" +%Y-%m-%d)" = "$(date -u -d "@$now" +%F)" ] ;;
byte-order)	# an order of letters, in a locale that is stated
	[ "$(printf 'b\nA\na\nB\n' | LC_ALL=C sort | tr -d '\n')" = ABab ] ;;
processes)	# many processes, all waited for
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		(echo "$i" >"$TMPDIR/p$i") &
	done
	wait
	[ "$(cat "$TMPDIR"/p* | wc -l)" -eq 12 ] ;;
floods)		# 1 MB of output
	head -c 1000000 /dev/zero | tr '\0' x ;;
retries)	# fails inside and tries again, at most 64 times: 2^-64 remain
	tries=0
	until "$FLAKY_BIN/chance" 0.5; do
		tries=$((tries + 1))
		[ $tries -lt 64 ]
	done ;;
locks)		# a shared file under a lock that the kernel releases
	exec 9>>"$FLAKY_SHARED/locked"
	flock 9
	before=$(cat "$FLAKY_SHARED/locked" | wc -l)
	echo "$$" >&9
	[ "$(wc -l <"$FLAKY_SHARED/locked")" -eq $((before + 1)) ] ;;
replaces)	# a shared file that is only ever replaced whole
	echo "one two" >"$FLAKY_SHARED/whole.$$"
	mv "$FLAKY_SHARED/whole.$$" "$FLAKY_SHARED/whole"
	[ "$(cat "$FLAKY_SHARED/whole")" = "one two" ] ;;
traps)		# a signal, with its handler in place before it is sent
	got=
	trap 'got=1' USR1
	kill -USR1 $$
	[ "$got" = 1 ] ;;
patient)	# a limit of time that a slow machine keeps
	timeout 60 sh -c 'sleep 0.01' ;;
keys)		# keys of a hash, sorted
	[ "$(perl -e 'my %h = map { ($_ => 1) } 1 .. 9; print sort keys %h')" = 123456789 ] ;;
masks)		# sets the mask that it relies on
	umask 027
	: >"$TMPDIR/masked"
	[ "$(stat -c %a "$TMPDIR/masked")" = 640 ] ;;
pipes)		# the writer is ended by its reader
	[ "$(yes | head -n 1000 | wc -l)" -eq 1000 ] ;;
cleans)		# leaves its folder as it found it, also when it is ended
	trap 'rm -rf "$TMPDIR/work.$$"' EXIT
	mkdir "$TMPDIR/work.$$"
	echo x >"$TMPDIR/work.$$/file" ;;
*)	echo "sound.sh: no case '$1'" >&2
	exit 2 ;;
esac

#!/bin/sh
# shared_log.sh P: adds a line to a log in the shared folder and expects that it has one
# more than before.  With the chance P another program adds one meanwhile.
#
# Flaw: a copy of the test beside it adds lines too.  Right: a log of its own, in TMPDIR.
log=$FLAKY_SHARED/log
before=$(cat "$log" 2>/dev/null | wc -l)
echo "$$ was here" >>"$log"
sleep 0.005
if "$FLAKY_BIN/chance" "$1"; then
	echo "another was here" >>"$log"
fi
after=$(wc -l <"$log")
[ "$after" -eq $((before + 1)) ] && exit 0
echo "the log has $after lines, expected $((before + 1))" >&2
exit 1

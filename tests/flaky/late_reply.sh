#!/bin/sh
# late_reply.sh P: starts a job in the background and reads what it wrote 30 ms later; with
# the chance P the job takes 80 ms.
#
# Flaw: the job is not waited for.  Right: `wait`, before its result is read.
reply=$TMPDIR/reply.$$
work=0.004
"$FLAKY_BIN/chance" "$1" && work=0.08
(sleep "$work"; echo done >"$reply") &
sleep 0.03
cat "$reply"
code=$?
wait
rm -f "$reply"
exit $code

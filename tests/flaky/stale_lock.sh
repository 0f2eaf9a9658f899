#!/bin/sh
# stale_lock.sh P: takes a lock by making a folder.  With the chance P the run before this
# one has died and left it; the test sees that, fails, and removes it.
#
# Flaw: the lock outlives its owner.  Right: flock(1), which the kernel releases.
lock=$FLAKY_SHARED/lock
"$FLAKY_BIN/chance" "$1" && mkdir "$lock"
if ! mkdir "$lock"; then
	rmdir "$lock"
	exit 1
fi
rmdir "$lock"

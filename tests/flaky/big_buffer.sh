#!/bin/sh
# big_buffer.sh P: copies with a buffer of 1 MB, with the chance P of 400 MB, where no
# more than 200 MB of memory can be had.
#
# Flaw: what it needs depends on its input, and nobody looks at the limit.  Right: a
# buffer of a fixed size.
size=1M
"$FLAKY_BIN/chance" "$1" && size=400M
ulimit -v 200000
exec dd if=/dev/zero of=/dev/null bs=$size count=1 status=none

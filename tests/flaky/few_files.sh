#!/bin/sh
# few_files.sh P: holds 20 files open, with the chance P 200, where 64 are allowed.
#
# Flaw: files are not closed as long as the machine allows it.  Right: close them.
ulimit -n 64
exec "$FLAKY_BIN/many_files" "$1" 20 200

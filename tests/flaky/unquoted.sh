#!/bin/sh
# unquoted.sh: writes a file into TMPDIR and reads it.
#
# Flaw: TMPDIR stands without quotes, so that a blank in it makes two words.  Right:
# "$TMPDIR/list".
echo one >$TMPDIR/list
cat $TMPDIR/list

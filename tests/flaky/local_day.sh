#!/bin/sh
# local_day.sh: a file of 20:00 on 1 January 2026 (UTC) should be of that day.
#
# Flaw: the day is that of the zone of whoever runs it.  Right: date -u, or a fixed TZ.
day=$(date -d @1767297600 +%F)
[ "$day" = 2026-01-01 ] && exit 0
echo "the file is of $day, expected 2026-01-01" >&2
exit 1

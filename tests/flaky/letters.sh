#!/bin/sh
# letters.sh: an e with an acute accent should be two characters.
#
# Flaw: that is so in the C locale only.  Right: set LC_ALL to what is meant.
n=$(printf '\303\251' | wc -m)
[ "$n" -eq 2 ] && exit 0
echo "the word has $n characters, expected 2" >&2
exit 1

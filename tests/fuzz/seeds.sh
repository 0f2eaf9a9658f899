#!/bin/sh
# seeds.sh: writes the first inputs of the targets msg, control, fingerprint, journal and
# resume, by hand, so that they are read and not only stored.  Inputs that were found since
# stand beside them.
set -eu
cd "$(dirname "$0")/corpus"
mkdir -p msg control fingerprint journal resume

# byte N: that byte, as printf's \ooo.
byte() {
	printf '\\%03o' "$1"
}

# seed FILE BYTES: bytes in printf's notation.
seed() {
	# shellcheck disable=SC2059
	printf "$2" > "$1"
}

# chunk HEAD BYTES: {u8 head, u8 n, n bytes}, see fuzz_control.c.
chunk() {
	# shellcheck disable=SC2059
	n=$(printf "$2" | wc -c)
	printf '%s' "$(byte "$1")$(byte "$n")$2"
}

# say CLIENT NUMBER TEXT: a sound message; turn: the loop turns.
say() {
	chunk $((4 + $1)) "$(byte "$2")$3"
}
turn() {
	chunk 6 ''
}

# ---- msg: a type and its body, or a frame of a stream ----

seed msg/hello '\001\202\001\001\002\243abc'
seed msg/hello-frame '\000\000\000\003\000\001\000\000\000\000\000\001\201\001\001'
seed msg/three-pings "$(for i in 1 2 3; do
	printf '\\000\\000\\000\\001\\000\\002\\000\\000\\000\\000\\000\\00%d\\200' "$i"; done)"
seed msg/test-add '\021\205\001\241t\002\222\242ls\242-l\003\241/\021\303\032\316\000\001\000\000'
seed msg/run-begin '\020\204\001\245night\002\221\243A=b\003\004\012\302'
seed msg/commit '\022\201\001\003'
seed msg/event-frame \
    '\000\000\000\014\000\045\000\000\000\000\000\000\205\001\001\002\002\003\001\004\241r\017\000'
seed msg/output '\123\203\001\007\002\001\003\304\003a\000b'
seed msg/attempt '\103\206\001\001\002\001\003\304\001\200\004\001\005\001\011\315\020\000'
seed msg/done '\124\206\001\001\002\000\003\001\004\001\005\000\015\222\2421\241x'
seed msg/unknown-tags '\001\203\001\001\062\221\221\001\063\300'
seed msg/claim-2-27 '\020\201\002\335\007\377\377\377'
seed msg/claim-map '\001\337\377\377\377\377\001\001'
seed msg/deep '\001\201\062\221\221\221\001'
seed msg/twice '\001\202\001\001\001\001'
seed msg/extension '\001\202\001\001\062\324\001\001'
seed msg/nul '\001\202\001\001\002\243a\000b'
seed msg/negative '\001\201\001\377'

# ---- control ----

both_greet="$(say 0 0 '')$(say 1 0 '')"
run="$(say 0 129 x)$(say 0 2 a)$(say 0 2 b)$(say 0 3 '')"
# Bodies of another user's messages about the newest run: cancel, watch, output.
about="$(say 1 5 '')$(say 1 13 '')$(say 1 21 a)$(say 1 4 '')"

seed control/greet "$both_greet$(turn)"
seed control/no-hello "$(say 0 4 '')$(turn)"
seed control/run "$both_greet$run$(turn)$(say 0 4 '')$(turn)"
seed control/not-yours "$both_greet$run$(turn)$about$(turn)"
seed control/watch-cancel \
    "$both_greet$run$(say 0 13 '')$(turn)$(say 0 5 '')$(turn)$(say 0 13 '')$(turn)"
seed control/follow "$both_greet$run$(say 0 29 a)$(turn)$(say 0 5 '')$(turn)"
seed control/detach-timeout "$both_greet$(say 0 113 x)$(say 0 2 a)$(say 0 3 '')$(turn)$(turn)"
seed control/half-a-plan \
    "$both_greet$(say 0 1 x)$(say 0 2 a)$(chunk 0 '\377\377\377\377')\
$(chunk 0 '\377\377\377\377\377\377\377\377')$(turn)"
seed control/two-names "$both_greet$(say 0 1 x)$(say 0 2 a)$(say 0 2 a)$(say 0 3 '')$(turn)"
seed control/skipped "$both_greet$(say 0 1 x)$(say 0 18 a)$(say 0 3 '')$(say 0 13 '')$(turn)"
seed control/bodies \
    "$both_greet$(chunk 42 '\201\001\201')$(chunk 26 '\200')$(chunk 18 '\200')$(turn)"
seed control/shutdown "$both_greet$run$(chunk 194 '\200')$(turn)$run$(turn)"
seed control/raw-hello \
    "$(chunk 0 '\000\000\000\003\000\001\000\000')$(chunk 0 '\000\000\000\001\201\001\001')$(turn)"

# ---- fingerprint: outcome, length of the names, then error, stdout and stderr ----

# failure FILE ERROR STDOUT STDERR
failure() {
	seed "fingerprint/$1" "\\001\\104$2\\n--\\n$3\\n--\\n$4"
}

failure plain 'prog: exit code 1, expected 0' 'a\nb\nc\nd' ''
failure numbers '1.5s 2m05s 12 ms 0x7f 1e-05 1,2,3 v1.2.3' '2026-11-24T17:53:38.1Z' \
    'exit code 12345678901'
failure days 'Tue Nov 24 17:53:38 2026' '24/Nov/2026' 'Nov'
failure paths '/tmp/a.AbC123 /x/y.Xy12Zq/ ./a ../b ~/c / // /tmp/ /run/user/1/s' '/a' '/'
failure ids '123e4567-e89b-12d3-a456-426614174000 a1b2c3d4 deadbeef' '-' '_'
failure escapes '\033[1;31mx\033[ \033' 'a\rb\r\r' '\302\200\342\200\256\342\202'
failure cut 'is "one tw[... 7 bytes ...]ree"' '[... ' '[...  ...]'
failure bytes '\377\376\300\200\001' '\000\000' '\340\200\200'
failure names 'prog prog1 my_prog prog.prog' 'prog' 'progprog'

# ---- journal: {u8 type, u8 n, n bytes}, see fuzz_journal.c ----

# event TYPE SEQ INDEX ATTEMPT OUTCOME US MANY BITS
event() {
	e=
	for v; do
		e="$e$(byte "$v")"
	done
	chunk 2 "$e"
}
print() {	# INDEX ATTEMPT STREAM TEXT
	chunk 3 "$(byte "$1")$(byte "$2")$(byte "$3")$4"
}

started="$(event 1 1 0 0 0 9 2 0)$(event 2 2 0 1 0 9 0 0)"
seed journal/pass \
    "$started$(print 0 1 1 hello)$(event 3 3 0 1 0 9 0 7)$(event 4 4 0 0 0 9 1 0)\
$(event 7 5 0 0 1 9 2 0)"
seed journal/retry \
    "$started$(event 3 3 0 1 1 9 5 1)$(event 8 4 0 1 1 9 0 0)$(event 2 5 0 2 0 9 0 0)\
$(event 3 6 0 2 0 9 0 1)$(event 4 7 0 0 0 9 2 0)"
seed journal/twice \
    "$started$(event 3 3 0 1 0 9 0 1)$(event 3 3 0 1 0 9 0 1)$(event 4 4 0 0 0 9 1 0)\
$(event 4 4 0 0 0 9 1 0)"
seed journal/no-start "$(event 3 1 1 1 2 255 0 0)$(event 4 2 1 0 3 255 1 0)"
seed journal/largest \
    "$(event 255 255 255 255 255 255 255 255)$(event 2 255 0 255 255 255 255 0)\
$(event 3 1 0 1 0 255 255 1)"
seed journal/torn "$started$(chunk 0 '\000\000\000\100\000\045')$(event 3 3 0 1 0 9 0 1)"
seed journal/no-plan "$(chunk 255 x)$started"
seed journal/bodies \
    "$(chunk 5 '\200')$(chunk 13 '\201\001\001')$(chunk 17 '\200')$(chunk 21 '\200')\
$(chunk 1 '\200')$(chunk 9 '\202\001\002\002\001')"

# ---- resume: {u8 plan, u8 skipped}, then as journal, but see event() in fuzz_resume.c ----

two='\244\000'		# two tests with retries, detached
begun="$(event 1)"
first="$begun$(event 2 0 1)"
failed="$first$(event 3 0 1 1 9)"

seed resume/committed "$two"
seed resume/skipped '\144\012'
seed resume/begun "$two$begun"
seed resume/started "$two$first$(print 0 1 1 hello)"
seed resume/failed "$two$failed"
seed resume/granted "$two$failed$(event 8 0 1 1)"
seed resume/refused "$two$failed$(event 9 0 1 2)"
seed resume/retried \
    "$two$failed$(event 8 0 1 1)$(event 2 0 2)$(event 3 0 2 0 9)$(event 4 0 2 0 9 2)"
seed resume/lost "$two$first$(event 3 0 1 7)$(event 2 0 2)$(event 3 0 2 7)$(event 11)"
seed resume/over "$two$failed$(event 4 0 1 1)$(event 4 1 0 2)$(event 7 0 0 2)"
seed resume/over-too-early "$two$failed$(event 7 0 0 2)"
seed resume/over-and-on "$two$begun$(event 4 0 0 2)$(event 4 1 0 2)$(event 7 0 0 1)$(event 2 0 1)"
seed resume/cancelling "$two$first$(event 5)"
seed resume/enough "\245\000$failed$(event 4 0 1 1)$(event 5 0 0 0 0 4)"
seed resume/time-limit "\254\000$failed"
seed resume/same-attempt "$two$failed$(event 3 0 1 7)$(event 3 0 1 7)$(event 3 0 1 7)"
seed resume/no-start "$two$begun$(event 3 0 1 7)$(event 3 0 2 7)"
seed resume/not-begun "$two$(event 2 0 1)"
seed resume/gap "$two$begun$(event 2 0 1 0 0 0 1)"
seed resume/largest \
    "$two$begun$(event 2 0 255)$(event 2 255 1)$(event 3 0 1 1 255)$(event 4 0 1 255)"
seed resume/torn "$two$first$(chunk 0 '\000\000\000\100\000\045')$(event 3 0 1 0 9)"
seed resume/two-plans "$two$begun$(chunk 5 '\200')$(chunk 9 '\202\001\002\002\001')"
seed resume/no-plan "\377\000$begun"
seed resume/empty ''

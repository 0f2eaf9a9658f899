#!/bin/sh
# seeds.sh: writes the first inputs of the targets msg and control, by hand, so that
# they are read and not only stored.  Inputs that were found since stand beside them.
set -eu
cd "$(dirname "$0")/corpus"
mkdir -p msg control

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
seed msg/event-frame '\000\000\000\014\000\045\000\000\000\000\000\000\205\001\001\002\002\003\001\004\241r\017\000'
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
seed control/watch-cancel "$both_greet$run$(say 0 13 '')$(turn)$(say 0 5 '')$(turn)$(say 0 13 '')$(turn)"
seed control/follow "$both_greet$run$(say 0 29 a)$(turn)$(say 0 5 '')$(turn)"
seed control/detach-timeout "$both_greet$(say 0 113 x)$(say 0 2 a)$(say 0 3 '')$(turn)$(turn)"
seed control/half-a-plan "$both_greet$(say 0 1 x)$(say 0 2 a)$(chunk 0 '\377\377\377\377')$(chunk 0 '\377\377\377\377\377\377\377\377')$(turn)"
seed control/two-names "$both_greet$(say 0 1 x)$(say 0 2 a)$(say 0 2 a)$(say 0 3 '')$(turn)"
seed control/skipped "$both_greet$(say 0 1 x)$(say 0 18 a)$(say 0 3 '')$(say 0 13 '')$(turn)"
seed control/bodies "$both_greet$(chunk 42 '\201\001\201')$(chunk 26 '\200')$(chunk 18 '\200')$(turn)"
seed control/shutdown "$both_greet$run$(chunk 194 '\200')$(turn)$run$(turn)"
seed control/raw-hello "$(chunk 0 '\000\000\000\003\000\001\000\000')$(chunk 0 '\000\000\000\001\201\001\001')$(turn)"

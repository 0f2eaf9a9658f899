#!/bin/sh
# fuzz.sh SECONDS TARGET...: builds each target with libFuzzer, AddressSanitizer and
# UBSan into build/fuzz/ and runs it for so long.  New inputs stay in
# build/fuzz/corpus/; one that breaks something is named and joins the corpus by hand.
set -u

if [ $# -lt 2 ]; then
	echo "usage: tests/fuzz/fuzz.sh SECONDS TARGET..." >&2
	exit 2
fi
seconds=$1
shift
if ! command -v clang >/dev/null 2>&1; then
	echo "fuzz: clang is missing: apt-get install -y clang" >&2
	exit 1
fi

out=build/fuzz
objects=
for target; do
	objects="$objects $out/obj/tests/fuzz/$target.o"
done
# The project's own rules, so that only what changed is compiled.
# shellcheck disable=SC2086
make --no-print-directory V=asan CC=clang B="$out/obj" \
	CFLAGS=-fsanitize=fuzzer-no-link "$out/obj/tested.a" $objects || exit 1

status=0
for target; do
	name=${target#fuzz_}
	mkdir -p "$out/corpus/$name" "$out/found"
	# shellcheck disable=SC2046
	clang -fsanitize=fuzzer,address,undefined -o "$out/$target" \
		"$out/obj/tests/fuzz/$target.o" "$out/obj/tested.a" \
		$(pkg-config --libs libevent_core msgpack libbsd-overlay yaml-0.1 jansson \
		libpcre2-8 sqlite3 libzstd libxxhash) -lm || exit 1
	echo "fuzz: $target for $seconds s"
	if "$out/$target" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 \
		-artifact_prefix="$out/found/$name-" -print_final_stats=1 \
		"$out/corpus/$name" "tests/fuzz/corpus/$name" >"$out/$target.log" 2>&1; then
		sed -n 's/^stat::number_of_executed_units: */fuzz: executions: /p' \
			"$out/$target.log"
	else
		status=1
		tail -n 40 "$out/$target.log" >&2
		echo "fuzz: $target FAILED: the input is the newest in $out/found/, the whole" \
			"report in $out/$target.log" >&2
	fi
done
exit $status

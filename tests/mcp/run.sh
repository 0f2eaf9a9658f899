#!/bin/sh
# run.sh: the official MCP conformance suite against the fixture that links the core, and
# its scenarios that need no fixtures against paratest-mcp; then the clients that agents
# are built of, against both.  What is missing is installed into build/npm with npm, as
# package-lock.json pins it; where that cannot be, all is skipped, by name.  The last line
# is "N passed, N failed".  BIN: the folder of the built programs.
set -u

cd "$(dirname "$0")/../.." || exit 2
BIN=${BIN:-build}
npm=build/npm
results=build/test-mcp

skip() {	# WHY
	echo "test-mcp: skipped: conformance suite, SDK clients, Inspector: $1"
	echo "0 passed, 0 failed"
	exit 0
}

command -v npm >/dev/null 2>&1 || skip 'npm is missing: apt-get install -y npm'
# Anew only when the pinned versions changed.  Not with `npm ci`: it refuses a lock without
# a package that is optional, for another system, and not in every registry.
if ! cmp -s tests/mcp/package-lock.json $npm/installed; then
	mkdir -p $npm
	cp tests/mcp/package.json tests/mcp/package-lock.json $npm/
	npm install --prefix $npm --ignore-scripts --no-audit --no-fund >$npm/log 2>&1 ||
	    skip "npm install failed, see $npm/log: $(tail -n 1 $npm/log)"
	cp tests/mcp/package-lock.json $npm/installed
fi
# The suite needs Node 22; the machine's may be older.
for node in $npm/node_modules/node-linux-*/bin/node; do :; done
[ -x "$node" ] || node=node

mkdir -p $results
: >$results/log
runs=0
run() {	# FOLDER LIST SERVER REVISION [SCENARIO...]
	folder=$1 list=tests/mcp/$2
	shift 2
	runs=$((runs + 1))
	"$node" tests/mcp/conformance.mjs \
	    $npm/node_modules/@modelcontextprotocol/conformance/dist/index.js \
	    $results/$folder $list "$@" 2>&1 | tee -a $results/log
}

run fixture-2025-11-25 not-offered.yml "$BIN/tests/mcp/fixture" 2025-11-25
run fixture-2026-07-28 not-offered.yml "$BIN/tests/mcp/fixture" 2026-07-28

# A supervisor and a history of their own.
own=$(mktemp -d) || exit 2
export XDG_RUNTIME_DIR="$own/run" XDG_STATE_HOME="$own/state"
mkdir -m 700 "$own/run" "$own/state"
unset PARATEST_SOCKET
trap '"$BIN/paratestctl" shutdown >/dev/null 2>&1; rm -rf "$own"' EXIT
trap 'exit 130' INT HUP TERM
run paratest-2025-11-25 needs-fixtures.yml "$BIN/paratest-mcp" 2025-11-25 \
    server-initialize ping tools-list resources-list prompts-list
run paratest-2026-07-28 needs-fixtures.yml "$BIN/paratest-mcp" 2026-07-28 \
    tools-list resources-list prompts-list caching sep-2164-resource-not-found server-stateless

runs=$((runs + 1))
"$node" tests/mcp/clients.mjs $npm/node_modules "$BIN/tests/mcp/fixture" "$BIN/paratest-mcp" \
    2>&1 | tee -a $results/log

# Each run says its counts, or it broke.
sed -n 's/^.*: \([0-9]*\) passed, \([0-9]*\) failed (.*/\1 \2/p' $results/log |
    awk -v runs=$runs '{ p += $1; f += $2; n++ }
	END { f += runs - n; print p + 0 " passed, " f + 0 " failed"; exit f > 0 || p == 0 }'

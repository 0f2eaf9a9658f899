#!/bin/sh
# run.sh: the Debian package: built, looked at by lintian, and installed, used, removed and
# purged on a real systemd and without one, in throw-away copies of this host's root.
#
# A line "ok - NAME" or "not ok - NAME" a check; the last is "N passed, N failed".  Where it
# cannot be done (no way to get debhelper, not root) it says so and exits 0.
set -u

cd "$(dirname "$0")/../.."
out=$(mktemp -d "${TMPDIR:-/tmp}/paratest-deb.XXXXXX") || exit 2
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT HUP TERM
passed=0 failed=0

check() {	# NAME COMMAND...
	name=$1
	shift
	if "$@" >"$out/said" 2>&1; then
		echo "ok - $name"
		passed=$((passed + 1))
	else
		echo "not ok - $name"
		sed 's/^/    /' "$out/said"
		failed=$((failed + 1))
	fi
}

if ! sh tools/deps.sh install deb >"$out/deps" 2>&1; then
	echo "skipped: test-deb: debhelper and lintian cannot be installed"
	echo "0 passed, 0 failed"
	exit 0
fi

tree() {
	git status --porcelain 2>/dev/null
}

stays_clean() {
	[ "$(tree)" = "$before" ] || { tree; return 1; }
}

# Warnings count as well; what is not one of ours to change stands in debian/.
no_complaint() {
	lintian --allow-root --fail-on error,warning build/deb/paratest_*.changes
}

# What is packed has one date, whenever it was built.
one_date() {
	dpkg-deb --fsys-tarfile build/deb/paratest_*.deb | tar -tv --utc --full-time |
	    awk -v not_after="$(date -u -d "@$(dpkg-parsechangelog -S Timestamp)" '+%F %T')" '
		$4 " " $5 > not_after { print; bad = 1 } END { exit bad || NR == 0 }'
}

before=$(tree)
check 'the package is built' sh tools/deb.sh
[ $failed = 0 ] || { echo "$passed passed, $failed failed"; exit 1; }
check 'building it leaves the tree as it was' stays_clean
check 'lintian has no complaint' no_complaint
check 'nothing in it is newer than its changelog' one_date

sh tests/systemd/boot.sh tests/deb >"$out/boot" 2>&1 || :
# Its own count is added to ours.
sed '$d' "$out/boot"
sum=$(tail -n 1 "$out/boot")
case $sum in
*' passed, '*' failed')
	passed=$((passed + ${sum%% *}))
	sum=${sum#*, }
	failed=$((failed + ${sum%% *}))
	;;
*)	echo "$sum"
	failed=$((failed + 1))
	;;
esac
echo "$passed passed, $failed failed"
[ $failed = 0 ]

#!/bin/sh
# install.sh: `make install` puts everything in place below PREFIX and DESTDIR, and the
# programs find each other there.  V: which build.
set -eu

cd "$(dirname "$0")/.."
dir=$(mktemp -d "${TMPDIR:-/tmp}/paratest-install.XXXXXX")
ctl=$dir/opt/pt/bin/paratestctl
export XDG_STATE_HOME="$dir/state" XDG_RUNTIME_DIR="$dir/run"
unset PARATEST_SOCKET MAKEFLAGS MAKELEVEL MFLAGS 2>/dev/null || :

finish() {
	[ ! -S "$dir/run/paratest/control.sock" ] || timeout 30 "$ctl" --socket private shutdown
	# It is gone with its lock; its folder may be there a moment longer.
	rm -rf "$dir" 2>/dev/null || { sleep 1; rm -rf "$dir"; }
}
trap finish EXIT

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

put() {
	MAKEFLAGS= make -s V="${V:-release}" install DESTDIR="$dir" PREFIX=/opt/pt
}

# ---- everything is there ----

put
expected='bin/paratest-mcp bin/paratestctl bin/paratestd
libexec/paratest/paratest-store libexec/paratest/paratest-worker
lib/systemd/system/paratestd.service lib/systemd/system/paratestd.socket
lib/sysusers.d/paratest.conf lib/tmpfiles.d/paratest.conf
share/bash-completion/completions/paratestctl share/zsh/site-functions/_paratestctl
share/fish/vendor_completions.d/paratestctl.fish
share/doc/paratest/README.md'
for f in man/*.[158]; do
	expected="$expected share/man/man${f##*.}/${f#man/}"
done
for f in docs/*.md; do
	expected="$expected share/doc/paratest/${f#docs/}"
done
for f in examples/*; do
	expected="$expected share/doc/paratest/$f"
done
for f in $expected; do
	[ -s "$dir/opt/pt/$f" ] || fail "$f is not installed"
done
there=$(cd "$dir/opt/pt" && find . -type f | sed 's,^\./,,' | sort)
[ "$there" = "$(printf '%s\n' $expected | sort)" ] || fail "there is more than that: $there"
[ -s "$dir/etc/paratest/paratestd.yaml" ] || fail "no settings"
grep -q '^ExecStart=/opt/pt/bin/paratestd ' "$dir/opt/pt/lib/systemd/system/paratestd.service" ||
    fail "the unit starts something else"
! grep -rl '/usr/share/doc/paratest' "$dir/opt/pt/share/man" "$dir/opt/pt/lib" ||
    fail "these name another folder of documents"

# ---- what an administrator wrote stays ----

echo 'timeout: 3m' >"$dir/etc/paratest/paratestd.yaml"
put
[ "$(cat "$dir/etc/paratest/paratestd.yaml")" = 'timeout: 3m' ] || fail "settings are overwritten"

# ---- it runs, with nothing of the build tree ----

mkdir -m 700 "$dir/run"
cd /
"$ctl" --socket private run -q "$dir/opt/pt/share/doc/paratest/examples/demo.yaml" ||
    fail "the example suite does not pass"
found=
for pid in /proc/[0-9]*; do
	exe=$(readlink "$pid/exe" 2>/dev/null) || continue
	case $exe in
	"$dir"/*) found="$found ${exe#"$dir/opt/pt/"}" ;;
	esac
done
case $found in
*bin/paratestd*libexec/paratest/paratest-store* | \
    *libexec/paratest/paratest-store*bin/paratestd*) ;;
*) fail "its supervisor and store are not those that are installed:$found" ;;
esac
echo "all of it is in place, and runs from there"

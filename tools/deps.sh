#!/bin/sh
# What paratest needs of Debian 12.  `deps.sh check` names the first thing that is
# missing; `deps.sh install` installs all that is, through sudo when not root.  A word
# behind that asks for more: `deb`, what `make deb` and its tests need; `shells`, what
# tests of completions and manual pages are skipped without.
set -u

# What is looked for (a command, or pkg:MODULE), and the package that has it.
NEEDS='
gcc gcc
pkg-config pkg-config
ar binutils
pkg:libevent_core libevent-dev
pkg:msgpack libmsgpack-dev
pkg:libbsd-overlay libbsd-dev
pkg:libxxhash libxxhash-dev
pkg:sqlite3 libsqlite3-dev
pkg:libzstd libzstd-dev
pkg:yaml-0.1 libyaml-dev
pkg:jansson libjansson-dev
pkg:libpcre2-8 libpcre2-dev
pkg:cmocka libcmocka-dev
'

NEEDS_deb='
dpkg-buildpackage dpkg-dev
dh debhelper
lintian lintian
'
NEEDS_shells='
mandoc mandoc
zsh zsh
fish fish
'

have() {
	case $1 in
	pkg:*) pkg-config --exists "${1#pkg:}" 2>/dev/null ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

missing=
mode=${1:-check}
case ${2:-} in
'')	set -- $NEEDS ;;
deb)	set -- $NEEDS $NEEDS_deb ;;
shells)	set -- $NEEDS_shells ;;
*)	echo "deps.sh: there is no set '$2': deb or shells" >&2; exit 2 ;;
esac
while [ $# -gt 0 ]; do
	have "$1" || missing="$missing $2"
	shift 2
done
# libc's headers come with no command and no module of their own.
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"

[ -n "$missing" ] || exit 0
install="apt-get install -y --no-install-recommends$missing"
if [ "$mode" = check ]; then
	set -- $missing
	echo "paratest: missing package $1: run 'make deps', or: $install" >&2
	exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
	echo "paratest: missing packages$missing: no apt-get here, install them by hand" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "paratest: missing packages; run as root: $install" >&2
		exit 1
	fi
	sudo=sudo
fi
echo "paratest: $sudo $install" >&2
export DEBIAN_FRONTEND=noninteractive
# The package lists of a fresh machine may be empty or old.
$sudo apt-get update >&2 || true
if ! $sudo $install >&2; then
	echo "paratest: that did not work; run as root: $install" >&2
	exit 1
fi

#!/bin/sh
# deb.sh: builds the Debian package into build/deb, from a copy of the sources there, so
# that the tree stays as it is; needs no network.  Prints the package's path at the end.
set -eu

cd "$(dirname "$0")/.."
version=$(sed -n 's/^VERSION[[:space:]]*:= *//p' Makefile)
packaged=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
if [ "$version" != "$packaged" ]; then
	echo "deb.sh: the Makefile says version $version and debian/changelog $packaged:" \
	    "add an entry to debian/changelog" >&2
	exit 1
fi

rm -rf build/deb
mkdir -p "build/deb/paratest-$version"
tar -cf - --exclude=./build --exclude=./.git --exclude=node_modules . |
    tar -xf - -C "build/deb/paratest-$version"
# The date of the newest change is that of all files: what is built twice is the same.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(dpkg-parsechangelog -S Timestamp)}
export SOURCE_DATE_EPOCH
unset MAKEFLAGS MAKELEVEL MFLAGS CFLAGS LDFLAGS 2>/dev/null || :
cd "build/deb/paratest-$version"
log=../build.log
# Symbols would be thrown away again: none are made, which is a quarter of the time.
export DEB_CFLAGS_APPEND=-g0 DEB_BUILD_OPTIONS="noautodbgsym parallel=$(nproc)"
if ! dpkg-buildpackage --build=binary --no-sign >"$log" 2>&1; then
	tail -n 40 "$log" >&2
	echo "deb.sh: the package was not built; all of it is in build/deb/build.log" >&2
	exit 1
fi
ls "$PWD/../"*.deb | sed 's,/[^/]*/\.\./,/,'

#!/bin/sh
# prepare.sh ROOT: paratest as `make install` has it; called by boot.sh.
set -eu

make -s -C "$TOP" install DESTDIR="$1" PREFIX=/usr >&2

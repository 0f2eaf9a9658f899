#!/bin/sh
# boot.sh [bench]: limits by real controllers.  A Debian of its own, with its own kernel and
# systemd, is made from packages and booted in a virtual machine, in memory, with an empty
# disk beside it; paratest is installed in it as the service it is, and inside.sh runs there.
#
# With `bench` it is the benchmark of isolation that runs, with the level that needs these
# controllers.  Time in the machine is then what was computed, a nanosecond an instruction: the
# ratios do not depend on how fast it is emulated, and are not those of real caches.
#
# Prints what that printed, ending with "N passed, N failed"; exit 0 when none failed.  Where
# it cannot be done (not root, not amd64, no packages) it says so and exits 0.
# LIMIT: seconds for the machine (240).  CGROUP_VM: a folder that keeps what was made of the
# packages, for the next time.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=$top/${BIN:-build}
suite=bookworm
# What our programs are linked with, beside what is there anyway.
libraries=libmsgpackc2,libevent-core-2.1-7,libbsd0,libxxhash0,libsqlite3-0,libzstd1
libraries=$libraries,libyaml-0-2,libjansson4,libpcre2-8-0

what=${1:-test}

skip() {
	echo "skipped: $what-cgroup: $1"
	[ "$what" = bench ] || echo "0 passed, 0 failed"
	exit 0
}

tools() {
	[ "$(id -u)" = 0 ] || skip "only root can install what it needs"
	[ "$(uname -m)" = x86_64 ] || skip "its machine is an x86_64"
	for tool in qemu-system-x86_64 mmdebstrap cpio; do
		! command -v $tool >/dev/null || continue
		DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		    -o DPkg::Lock::Timeout=120 qemu-system-x86 mmdebstrap cpio >&2 || true
		break
	done
	for tool in qemu-system-x86_64 mmdebstrap cpio; do
		command -v $tool >/dev/null || skip "$tool cannot be installed"
	done
}

# root.tar: a system; vmlinuz: its kernel.  From packages alone.
system() {
	if [ ! -s "$work/root.tar" ]; then
		mmdebstrap --quiet --variant=minbase \
		    --include="systemd,systemd-sysv,dbus,$libraries" \
		    --dpkgopt='path-exclude=/usr/share/doc/*' \
		    --dpkgopt='path-exclude=/usr/share/man/*' \
		    --dpkgopt='path-exclude=/usr/share/locale/*' \
		    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin' \
		    --format=tar $suite "$work/root.tar.new" >&2 ||
		    skip "no packages for its system"
		mv "$work/root.tar.new" "$work/root.tar"
	fi
	[ ! -s "$work/vmlinuz" ] || return 0
	kernel=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
	    sed -n 's/.*Depends: //p' | head -n 1)
	[ -n "$kernel" ] || skip "no package of its kernel"
	rm -rf "$work/kernel"
	mkdir "$work/kernel"
	(cd "$work/kernel" && apt-get -qq -o APT::Sandbox::User=root download "$kernel" >&2 &&
	    dpkg-deb -x ./*.deb .) || skip "its kernel cannot be had"
	cp "$work"/kernel/boot/vmlinuz-* "$work/vmlinuz"
	rm -rf "$work/kernel"
}

# initrd: that system with paratest in it, and the script as a unit whose end is the end of
# the machine.
image() {
	root=$work/root
	rm -rf "$root"
	mkdir "$root"
	tar -xf "$work/root.tar" -C "$root"
	ln -sf /lib/systemd/systemd "$root/init"
	MAKEFLAGS= make -s -C "$top" install DESTDIR="$root" PREFIX=/usr
	mkdir -p "$root/opt/check/bench"	# where it keeps its results
	inside="/bin/sh /opt/check/inside.sh"
	if [ "$what" = bench ]; then
		install -m 755 "$build/paratest-bench" "$build/paratestd" "$build/paratestctl" \
		    "$build/paratest-worker" "$build/paratest-store" "$root/opt/check"
		inside="/opt/check/paratest-bench --quick isolation"
	else
		install -m 755 "$here/inside.sh" "$build/tests/helpers/hog" \
		    "$build/tests/helpers/bomb" "$build/tests/helpers/burn_cpu" "$root/opt/check"
	fi
	cat >"$root/etc/systemd/system/paratest-inside.service" <<-EOF
	[Unit]
	After=basic.target dbus.socket systemd-journald.service
	SuccessAction=poweroff-force
	FailureAction=poweroff-force
	[Service]
	Type=oneshot
	Environment=SYSTEMD_PAGER=cat SYSTEMD_COLORS=0
	StandardOutput=file:/dev/ttyS1
	StandardError=file:/dev/ttyS1
	Delegate=yes
	WorkingDirectory=/opt/check
	ExecStart=$inside
	ExecStopPost=/bin/sh -c 'echo DONE >/dev/ttyS1'
	EOF
	cat >"$root/etc/systemd/system/paratest-inside.target" <<-EOF
	[Unit]
	Requires=basic.target paratest-inside.service
	After=basic.target
	AllowIsolate=yes
	EOF
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initrd"
	rm -rf "$root"
}

machine() {
	how="-accel tcg,thread=multi,tb-size=512 -smp 2"
	[ "$what" = test ] || how="-accel tcg,thread=single,tb-size=512 -icount shift=0 -smp 1"
	rm -f "$work/disk"
	truncate -s 64M "$work/disk"
	# shellcheck disable=SC2086 # several words
	timeout -k 10 "${LIMIT:-240}" qemu-system-x86_64 -machine q35 $how -cpu max -m 1536 \
	    -nodefaults -no-user-config -nographic -no-reboot \
	    -kernel "$work/vmlinuz" -initrd "$work/initrd" \
	    -append "console=ttyS0 quiet systemd.unit=paratest-inside.target \
	        systemd.show_status=no panic=-1 mitigations=off" \
	    -drive "file=$work/disk,format=raw,if=none,id=disk" \
	    -device nvme,drive=disk,serial=disk \
	    -serial "file:$work/console" -serial "file:$work/log.raw" </dev/null >&2
}

tools
if [ -n "${CGROUP_VM:-}" ]; then
	mkdir -p "$CGROUP_VM"
	work=$(cd "$CGROUP_VM" && pwd)
else
	work=$(mktemp -d /tmp/paratest-vm.XXXXXX)
	trap 'rm -rf "$work"' EXIT
fi
trap 'exit 130' INT HUP TERM
system
image
rm -f "$work/console" "$work/log.raw"
rc=0
machine || rc=$?
tr -d '\r' <"$work/log.raw" >"$work/log" 2>/dev/null || true
if ! grep -q '^DONE$' "$work/log"; then
	cat "$work/log"
	tail -n 40 "$work/console"
	echo "$what-cgroup: the machine ended with $rc before the $what did"
	echo "0 passed, 1 failed"
	exit 1
fi
grep -v '^DONE$' "$work/log"
! grep -q '^not ok' "$work/log"

#!/bin/sh
# boot.sh [FOLDER]: tests on a real systemd.  It is booted in a container over a throw-away
# copy of this host's root (an overlay); FOLDER (tests/systemd) has what is done to that root
# before (`prepare.sh ROOT`, what it prints comes first) and what runs in there (inside.sh).
#
# Prints what that printed, ending with "N passed, N failed"; exit 0 when none failed.  Where
# it cannot be done (not root, no systemd-container) it says so and exits 0.
# LIMIT: seconds for all of it (180).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
tests=$(cd "${TESTS:-${1:-$here}}" && pwd)
name=test-$(basename "$tests")

skip() {
	echo "skipped: $name: $1"
	echo "0 passed, 0 failed"
	exit 0
}

# ---- outside: what it needs, and that nothing of it is left ----

outside() {
	[ "$(id -u)" = 0 ] || skip "only root can boot a container"
	if ! command -v systemd-nspawn >/dev/null; then
		DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		    -o DPkg::Lock::Timeout=120 systemd-container >&2 || true
	fi
	command -v systemd-nspawn >/dev/null || skip "systemd-container cannot be installed"
	unshare --mount true 2>/dev/null || skip "no mount namespaces"
	cgroups=/sys/fs/cgroup
	[ ! -e $cgroups/unified/cgroup.procs ] || cgroups=$cgroups/unified
	[ -e $cgroups/cgroup.procs ] || skip "no cgroup v2"
	work=$(mktemp -d /tmp/paratest-boot.XXXXXX)
	group=$cgroups/$(basename "$work")
	trap 'tidy' EXIT
	trap 'exit 130' INT HUP TERM
	mkdir "$group" 2>/dev/null || skip "no group of our own in cgroup v2"
	rc=0
	BOOT_WORK=$work BOOT_GROUP=$group TESTS=$tests timeout -k 10 "${LIMIT:-180}" \
	    unshare --mount --propagation private sh "$here/boot.sh" inside \
	    >"$work/console" 2>&1 </dev/null || rc=$?
	[ ! -f "$work/out/log" ] || cat "$work/out/log"
	if [ ! -f "$work/out/done" ]; then
		tail -n 40 "$work/console"
		echo "$name: the container ended with $rc before the tests did"
		echo "0 passed, 1 failed"
		exit 1
	fi
	! grep -q '^not ok' "$work/out/log"
}

tidy() {
	[ ! -e "$group/cgroup.kill" ] || echo 1 >"$group/cgroup.kill"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
		[ -d "$group" ] || break
		sleep 0.2
	done
	rm -rf "$work"
}

# ---- in a mount namespace of its own ----

inside() {
	echo $$ >"$BOOT_GROUP/cgroup.procs"
	mkdir -p "$BOOT_WORK/out" "$BOOT_WORK/disk"
	# systemd wants version 2 and nothing else there, nspawn a /run of its own.
	umount -R /sys/fs/cgroup
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount -t tmpfs -o mode=755 tmpfs /run
	# What is written over / must be on another filesystem than /.
	mount -t tmpfs -o mode=755,size=1g tmpfs "$BOOT_WORK/disk"
	mkdir "$BOOT_WORK/disk/upper" "$BOOT_WORK/disk/work" "$BOOT_WORK/disk/root"
	root=$BOOT_WORK/disk/root
	mount -t overlay \
	    -o "lowerdir=/,upperdir=$BOOT_WORK/disk/upper,workdir=$BOOT_WORK/disk/work" \
	    overlay "$root"
	TOP=$top sh "$tests/prepare.sh" "$root" >>"$BOOT_WORK/out/log"
	cp "$tests/inside.sh" "$root/usr/lib/paratest-inside.sh"
	units
	exec systemd-nspawn --quiet --register=no --keep-unit --link-journal=no \
	    --private-network --bind="$BOOT_WORK/out:/out" --directory="$root" \
	    --machine="$(basename "$BOOT_WORK" | tr -d .)" --console=read-only \
	    --boot systemd.unit=paratest-inside.target systemd.show_status=no
}

# The script as a unit, whose end is the end of the machine.
units() {
	cat >"$root/etc/systemd/system/paratest-inside.service" <<-EOF
	[Unit]
	After=basic.target dbus.socket systemd-journald.service
	SuccessAction=exit
	FailureAction=exit
	[Service]
	Type=oneshot
	Environment=SYSTEMD_PAGER=cat SYSTEMD_COLORS=0
	StandardOutput=append:/out/log
	StandardError=append:/out/log
	ExecStart=/bin/sh /usr/lib/paratest-inside.sh
	ExecStopPost=/bin/touch /out/done
	EOF
	cat >"$root/etc/systemd/system/paratest-inside.target" <<-EOF
	[Unit]
	Requires=basic.target paratest-inside.service
	After=basic.target
	AllowIsolate=yes
	EOF
}

if [ "${1:-}" = inside ]; then
	inside
else
	outside
fi

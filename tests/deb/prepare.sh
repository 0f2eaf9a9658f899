#!/bin/sh
# prepare.sh ROOT: puts the package where inside.sh finds it, and tries it in ROOT before
# any service manager runs there: nothing is started, nothing fails, and a user has a
# supervisor of his own.  Called by boot.sh, in a mount namespace of its own.
set -eu

root=$1
cp "$TOP"/build/deb/paratest_*.deb "$root/srv/paratest.deb"
# What images for containers leave out of packages, and forbid them to start.
rm -f "$root/usr/sbin/policy-rc.d" "$root"/etc/dpkg/dpkg.cfg.d/docker*

# Those who use it, here and in inside.sh.
printf 'u alice 4101 "a user"\nu bob 4102 "a user"\ng testers 4200\nm alice testers\n' |
    systemd-sysusers --root="$root" -

mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
rc=0
timeout 100 chroot "$root" sh -exc '
	export DEBIAN_FRONTEND=noninteractive HOME=/tmp
	dpkg --install /srv/paratest.deb
	test ! -e /run/paratest/control.sock
	as="timeout 60 setpriv --reuid=alice --regid=alice --init-groups paratestctl"
	$as run -q /usr/share/doc/paratest/examples/demo.yaml
	$as shutdown
	dpkg --purge paratest
	test ! -e /usr/bin/paratestctl' >"$BOOT_WORK/said" 2>&1 </dev/null || rc=$?
[ $rc = 0 ] || printf 'not '
echo "ok - without a service manager it installs, is used by a user, and goes"
[ $rc = 0 ] || sed 's/^/    /' "$BOOT_WORK/said"
umount "$root/tmp" "$root/run" "$root/proc"
umount -R "$root/dev"

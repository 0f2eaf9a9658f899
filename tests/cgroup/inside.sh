#!/bin/sh
# inside.sh: run by boot.sh as a unit of a machine with real controllers of cgroup v2, in
# which paratest is a service.  A line "ok - NAME" or "not ok - NAME" a check; the last is
# "N passed, N failed".  The machine is many times slower than a real one: nothing here is
# about time, but for bounds that are far off.
set -u

socket=/run/paratest/control.sock
at=/opt/check
passed=0 failed=0

check() {	# NAME COMMAND...
	name=$1
	shift
	if "$@" >/tmp/said 2>&1; then
		echo "ok - $name"
		passed=$((passed + 1))
	else
		echo "not ok - $name"
		sed 's/^/    /' /tmp/said
		failed=$((failed + 1))
	fi
}

await() {	# SECONDS COMMAND...: until it succeeds
	n=$(($1 * 5))
	shift
	until "$@" >/dev/null 2>&1; do
		n=$((n - 1))
		[ $n -gt 0 ] || { echo "waited in vain: $*"; return 1; }
		sleep 0.2
	done
}

as() {		# USER ARG...: paratestctl, by that user
	user=$1
	shift
	timeout 120 setpriv --reuid="$user" --regid="$user" --init-groups env HOME=/ \
	    paratestctl --socket $socket "$@"
}

has() {		# TEXT: what was said before has it
	grep -qF -e "$1" /tmp/out || { echo "no '$1' in:"; cat /tmp/out; return 1; }
}

lacks() {
	! grep -qF -e "$1" /tmp/out || { cat /tmp/out; return 1; }
}

group() {	# of the service
	echo "/sys/fs/cgroup$(systemctl show --property=ControlGroup --value paratestd.service)"
}

set_up() {
	printf 'u alice 4101 "a user"\nu bob 4102 "a user"\n' | systemd-sysusers - &&
	    systemd-sysusers && systemd-tmpfiles --create paratest.conf &&
	    systemctl daemon-reload && systemctl start paratestd.socket paratestd.service &&
	    await 30 systemctl is-active paratestd.service
}

takes_groups() {
	journalctl --sync
	journalctl --unit=paratestd.service --output=cat >/tmp/out
	has "groups of tests: cgroup v2 in" && [ -d "$(group)/jobs" ] &&
	    grep -q . "$(group)/main/cgroup.procs"
}

in_its_group() {
	as alice run --memory 64M --processes 20 --cpus 0.5 --json -- sh -c 'cat /proc/self/cgroup
	    cd /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
	    cat memory.max memory.swap.max memory.oom.group pids.max cpu.max' >/tmp/out
	has 'paratestd.service/jobs/slot-1/test\n67108864\n0\n1\n20\n50000 100000\n' &&
	    has '"isolation":"cgroup"'
}

no_limits_no_more() {
	as alice run --json -- sh -c 'cd /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
	    cat memory.max pids.max cpu.max' >/tmp/out
	has '"output":"max\nmax\nmax 100000\n"'
}

# Bob's is beside it all the time: it has more than alice may, and is not touched.
memory() {
	as bob run --detach --name neighbour -- sh -c "$at/hog 150 && sleep 3 && $at/hog 150" \
	    >/dev/null &&
	    ! as alice run --memory 48M --json -- $at/hog 200 >/tmp/out
	has '"outcome":"oom"' && has '"category":"resource"' && has '"treePeakSource":"cgroup"' &&
	    has 'out of memory: its limit is 48 MiB, it had 4'
}

# The whole of a test is over when a part of it is out of memory.
all_of_it() {
	! as alice run --memory 48M --json -- sh -c "sleep 100 & $at/hog 200; echo went on" \
	    >/tmp/out
	has '"outcome":"oom"' && has '"output":""' && lacks '"leaked"'
}

processes() {
	! as alice run --processes 20 --json -- $at/bomb 200 >/tmp/out
	has 'its limit of 20 processes was reached' && has '"output":"19\n"'
}

cpu() {
	as alice run --cpus 0.2 --json -- $at/burn_cpu 300 >/tmp/out &&
	    has 'its limit of 0.2 CPUs held it back for'
}

neighbour() {
	as bob watch >/tmp/out 2>&1
	as bob show --json >/tmp/out
	has '"name":"neighbour"' || has '"success":true'
	has '"success":true'
}

# It owns the files it needs, and those are none of the limits.
not_writable() {
	as alice run --memory 64M --processes 30 --json -- sh -c \
	    'cd /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
	    for f in memory.max memory.swap.max memory.oom.group pids.max cpu.max cgroup.type \
		../memory.max ../pids.max ../cpu.max ../cgroup.subtree_control; do
		(echo max >$f) 2>/dev/null && echo "wrote $f"
	    done; [ ! -w cgroup.kill ] || echo "may kill"
	    mkdir inner 2>/dev/null && echo made; cat memory.max' >/tmp/out
	has '"output":"67108864\n"'	# and nothing before it
}

# To its slot, its worker, its neighbours, the supervisor, and out of it all.
no_way_out() {
	cat >$at/leave <<-'EOF'
	cd /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
	for d in .. ../worker ../../slot-1/test ../../slot-2/test ../.. ../../../main \
	    /sys/fs/cgroup; do
		[ "$(realpath $d)" != "$PWD" ] || continue
		(echo $$ >$d/cgroup.procs) 2>/dev/null && echo "moved to $d"
	done
	sleep 1
	grep -q "0::${PWD#/sys/fs/cgroup}\$" /proc/self/cgroup && echo "still $1"
	EOF
	printf 'one\ntwo\n' | as alice run -j 2 --memory 64M --json --each "sh $at/leave {}" \
	    >/tmp/out
	lacks 'moved to' && has 'still one' && has 'still two'
}

# The brackets keep grep from finding itself.
leaves_nothing() {
	as alice run --json -- sh -c 'for i in 1 2 3 4 5 6 7 8; do setsid sleep 77 & done' >/tmp/out
	has '"leaked"' && [ "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' |
	    grep -c 'sleep 7[7]')" = 0 ]
}

# Neither what one left in memory, nor that it was out of it, is the next one's.
not_the_next_ones() {
	! as alice run -j 1 --memory 48M --json -- $at/hog 200 >/tmp/out
	has '"outcome":"oom"' &&
	    as alice run -j 1 -- sh -c 'head -c 40000000 /dev/zero >/dev/shm/left' >/tmp/out &&
	    as alice run -j 1 --memory 24M --json -- true >/tmp/out
	rm -f /dev/shm/left
	has '"outcome":"pass"'
}

within() {	# MEMBER LEAST MOST: a number of what was said before
	n=$(sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" /tmp/out)
	[ -n "$n" ] && [ "$n" -ge "$2" ] && [ "$n" -le "$3" ] || {
		echo "$1 is '$n', not from $2 to $3"
		cat /tmp/out
		return 1
	}
}

disk() {
	mkfs.ext4 -q /dev/nvme0n1 && mkdir -p /srv/disk && mount /dev/nvme0n1 /srv/disk &&
	    chmod 1777 /srv/disk
}

# What the filesystem moves of its own is less than the file by far.
devices() {
	as alice run -j 1 --json -- dd if=/dev/zero of=/srv/disk/file bs=1M count=8 conv=fsync \
	    >/tmp/out && within deviceBytesWritten 8388608 9000000 &&
	    within deviceBytesRead 0 4000000 &&
	    as alice show --json >/tmp/out && within deviceBytesWritten 8388608 9000000 &&
	    as alice run -j 1 --json -- true >/tmp/out && within deviceBytesWritten 0 600000 &&
	    sync && echo 3 >/proc/sys/vm/drop_caches &&
	    as alice run -j 1 --json -- dd if=/srv/disk/file of=/dev/null bs=1M >/tmp/out &&
	    within deviceBytesRead 8388608 12000000 && within deviceBytesWritten 0 600000
}

after_a_crash() {
	pid=$(systemctl show --property=MainPID --value paratestd.service)
	kill -9 "$pid"
	await 30 test "$(systemctl show --property=MainPID --value paratestd.service)" != "$pid"
	await 60 as alice ping
	no_limits_no_more
}

nothing_left() {
	g=$(group)
	systemctl stop paratestd.service paratestd.socket && await 30 test ! -d "$g"
}

check "it has the controllers" grep -qw memory /sys/fs/cgroup/cgroup.controllers
check "the service starts" set_up
check "it takes the groups that are delegated to it" takes_groups
check "a test is in a group with its limits" in_its_group
check "the next one is not held to them" no_limits_no_more
check "more memory than the limit is oom, with the figure" memory
check "and it is the end of all of the test" all_of_it
check "a fork bomb ends at its limit" processes
check "a limit of the CPU holds" cpu
check "another user's run was not touched" neighbour
check "a test cannot change its limits" not_writable
check "nor leave its group" no_way_out
check "what it leaves behind is killed" leaves_nothing
check "and counts for nobody else" not_the_next_ones
check "it has a disk" disk
check "bytes of devices are on record, with the attempt" devices
check "after a crash limits are set anew" after_a_crash
check "a stop leaves no group" nothing_left
echo "$passed passed, $failed failed"
[ $failed = 0 ]

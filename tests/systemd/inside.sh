#!/bin/sh
# inside.sh: run by boot.sh as a unit of a freshly booted system, into which paratest was
# installed.  A line "ok - NAME" or "not ok - NAME" a check; the last is "N passed, N failed".
# Nothing waits without a bound: each command 30 s, each wait as long as it says.
set -u

units=/usr/lib/systemd/system
config=/etc/paratest/paratestd.yaml
socket=/run/paratest/control.sock
drop_in=/run/systemd/system/paratestd.service.d
dir=/srv/check
exposure=6.8		# of systemd-analyze security; docs/service-unit.md explains it
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

# Until it succeeds: await SECONDS COMMAND...
await() {
	n=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		n=$((n - 1))
		[ $n -gt 0 ] || { echo "waited in vain: $*"; return 1; }
		sleep 0.1
	done
}

ctl() {
	timeout 30 paratestctl --socket $socket "$@"
}

as() {		# USER: what follows of `ctl`, by that user
	user=$1
	shift
	timeout 30 setpriv --reuid="$user" --regid="$user" --init-groups env HOME=/ \
	    paratestctl --socket $socket "$@"
}

show() {	# a property of the service
	systemctl show --property="$1" --value paratestd.service
}

is() {		# PROPERTY VALUE
	[ "$(show "$1")" = "$2" ] || { echo "$1 is $(show "$1"), not $2"; return 1; }
}

said() {	# what the journal has of the service since it was last asked to forget
	journalctl --sync
	journalctl --unit=paratestd.service --output=cat --since="@$since" | grep -F -e "$1"
}

forget() {
	since=$(date +%s.%N)
}

settings() {	# the whole file
	printf '%s\n' "$@" >$config
}

# A run of alice's with one test, that is there until $dir/go is; prints its id.
submit() {
	rm -f $dir/began $dir/go
	as alice run --detach -- \
	    sh -c "touch $dir/began; until [ -e $dir/go ]; do sleep 0.05; done" &&
	    await 10 test -e $dir/began
}

member() {	# RUN NAME: the first member of that name in its document, which is the run's
	ctl show "$1" --json | grep -oE "\"$2\": *\"[a-z0-9]*\"" | sed 's/.*"\(.*\)"/\1/; q'
}

status_of() {	# RUN
	member "$1" status
}

ended_as() {	# RUN STATUS
	await 20 ended "$1" && [ "$(status_of "$1")" = "$2" ] || { ctl show "$1"; return 1; }
}

ended() {
	[ "$(status_of "$1")" != running ]
}

# ---- the files ----

clean() {
	timeout 30 systemd-analyze verify "$1" >/tmp/verify 2>&1
	rc=$?
	cat /tmp/verify
	[ $rc = 0 ] && [ ! -s /tmp/verify ]
}

every_line_says_why() {
	awk '/^[A-Z].*=/ && last !~ /^(#|[A-Z].*=)/ { print FILENAME ":" FNR ": " $0; bad = 1 }
	    { last = $0 } END { exit bad }' $units/paratestd.service $units/paratestd.socket
}

not_exposed() {
	systemd-analyze security --offline=true --no-pager \
	    --threshold="$(echo $exposure | tr -d .)" $units/paratestd.service | tail -n 1
	systemd-analyze security --offline=true --no-pager \
	    --threshold="$(echo $exposure | tr -d .)" $units/paratestd.service >/dev/null
}

has_user() {
	printf 'u alice 4101 "a user"\nu bob 4102 "a user"\n' | systemd-sysusers - &&
	    systemd-sysusers && systemd-tmpfiles --create paratest.conf &&
	    [ "$(stat -c '%U %a' /run/paratest)" = 'paratest 755' ]
}

# ---- the socket, and being told ----

activates() {
	systemctl start paratestd.socket && is ActiveState inactive && ctl ping &&
	    is ActiveState active
}

tells_status() {
	await 5 is StatusText '0 runs, 0 tests queued, 0 of 0 workers busy' &&
	    id=$(submit) && await 5 is StatusText '1 run, 0 tests queued, 1 of 1 workers busy'
	rc=$?
	touch $dir/go
	[ $rc = 0 ] && ended_as "$id" passed
}

# It may change its users, end them, give them files, and make namespaces for them, and
# nothing else.
is_no_root() {
	pid=$(show MainPID)
	grep -E '^(Uid|Cap|NoNewPrivs)' "/proc/$pid/status"
	grep -q '^CapBnd:.*00000000002011e1$' "/proc/$pid/status" &&
	[ "$(stat -c %U "/proc/$pid")" = paratest ] &&
	    grep -q 'NoNewPrivs:.*1' "/proc/$pid/status" &&
	    [ "$(stat -c '%U %a' /var/lib/paratest)" = 'paratest 700' ]
}

# Alone in a PID namespace by default; in a network of its own when it is asked for.
is_kept_apart() {
	ctl status | grep '^isolation pid' &&
	    as alice run --json -- sh -c 'ls -d /proc/[0-9]* | wc -l; test $$ -lt 100 &&
		! grep -x paratestd /proc/[0-9]*/comm &&
		! grep -E "^(Cap.*:.*[1-9a-f]|Groups:.*4102)" /proc/1/status' >/tmp/apart &&
	    grep -o '"isolation":"pid"' /tmp/apart &&
	    as alice run --json --isolation sandbox,network=loopback,read-only -- sh -c \
		'tail -n +3 /proc/net/dev | wc -l | grep -x 1 && test -z "$(find /tmp -type f)" &&
		echo > /tmp/mine && echo > $TMPDIR/mine && ! touch /srv/check/mine' >/tmp/apart &&
	    grep -o '"isolation":"sandbox"' /tmp/apart
	rc=$?
	[ $rc = 0 ] || cat /tmp/apart
	return $rc
}

runs_as_its_user() {
	as alice run -- sh -c "id; touch $dir/alice; grep -E '^(Cap|NoNew|Groups)' /proc/self/status
	    grep -q '^NoNewPrivs:.*1' /proc/self/status &&
	    ! grep -E '^Cap(Inh|Prm|Eff|Amb|Bnd):.*[1-9a-f]' /proc/self/status"
	rc=$?
	as bob run -- sh -c "touch $dir/bob; ! kill -0 $(show MainPID) && ! rm -f $dir/alice" &&
	    [ "$(stat -c %U $dir/alice $dir/bob | tr '\n' ' ')" = 'alice bob ' ] && [ $rc = 0 ]
}

hides_others() {
	id=$(submit) || return 1
	as bob show "$id" 2>&1 | grep 'there is no run' &&
	    as bob cancel "$id" 2>&1 | grep 'there is no run' &&
	    ! as bob runs | grep "${id%"${id#????????}"}" && ! as bob reload && ctl show "$id"
	rc=$?
	touch $dir/go
	[ $rc = 0 ] && ended_as "$id" passed
}

lets_in_whom_it_should() {
	settings 'allow-group: alice' && systemctl reload paratestd && as alice ping &&
	    as bob ping 2>&1 | grep 'for members of the group alice'
	rc=$?
	settings
	systemctl reload paratestd && as bob ping && [ $rc = 0 ]
}

logs_fields() {
	id=$(as alice run --detach -- true) && ended_as "$id" passed
	journalctl --sync
	full=$(member "$id" runId)
	[ "$(journalctl PARATEST_RUN="$full" --output=cat | wc -l)" = 2 ] &&
	    [ -n "$(journalctl PARATEST_RUN="$full" PARATEST_UID=4101 --output=cat -t paratestd)" ]
}

outlives_shutdown() {
	ctl shutdown && await 20 is ActiveState inactive && is Result success &&
	    test -S $socket && ctl ping && is ActiveState active
}

# ---- settings ----

reloads() {
	settings 'timeout: 2m' && systemctl reload paratestd && ctl config get timeout | grep -w 2m
}

refuses_a_bad_file() {
	forget
	settings '# of this host' 'timout: 3m'
	! systemctl reload paratestd && is ActiveState active &&
	    ctl config get timeout | grep -w 2m && said "$config:2: there is no setting 'timout'"
}

does_not_start_with_one() {
	forget
	! systemctl restart paratestd && is ExecMainStatus 2 && is NRestarts 0 &&
	    said "$config:2: there is no setting 'timout': did you mean 'timeout'?"
	rc=$?
	settings
	systemctl reset-failed paratestd.service paratestd.socket
	systemctl start paratestd.socket paratestd.service && [ $rc = 0 ]
}

# ---- the ends ----

restarted() {	# it is another process than PID, and ready
	[ "$(show MainPID)" != "$1" ] && [ "$(show MainPID)" != 0 ] && is ActiveState active
}

# The run goes on: its test is begun again, and ends.
goes_on() {	# RUN
	await 20 test -e $dir/began && touch $dir/go && ended_as "$1" passed &&
	    ctl show "$1" --json | grep -qE '"outcome": *"lost"'
}

survives_a_crash() {
	inode=$(stat -c %i $socket)
	id=$(submit) || return 1
	rm $dir/began
	pid=$(show MainPID)
	kill -KILL "$pid" && ctl ping && await 20 restarted "$pid" && goes_on "$id" &&
	    [ "$(stat -c %i $socket)" = "$inode" ]
}

survives_a_hang() {
	mkdir -p $drop_in && printf '[Service]\nWatchdogSec=1\n' >$drop_in/watchdog.conf
	systemctl daemon-reload && systemctl restart paratestd && id=$(submit) || return 1
	sleep 2			# two times of the watchdog: it is fed
	is NRestarts 0 || return 1
	forget
	rm $dir/began
	pid=$(show MainPID)
	kill -STOP "$pid" && await 20 restarted "$pid" && said 'Watchdog timeout' && goes_on "$id"
	rc=$?
	rm -r $drop_in
	systemctl daemon-reload
	systemctl restart paratestd && [ $rc = 0 ]
}

leaves_nothing() {
	group=/sys/fs/cgroup$(show ControlGroup)
	[ ! -e "$group" ] || [ -z "$(cat "$group/cgroup.procs")" ]
}

stops_patiently() {
	id=$(submit) || return 1
	systemctl stop --no-block paratestd && await 10 is ActiveState deactivating &&
	    await 5 is StatusText 'draining: 1 run, 0 tests queued, 1 of 1 workers busy' &&
	    touch $dir/go && await 20 is ActiveState inactive && is Result success &&
	    leaves_nothing && systemctl start paratestd && ended_as "$id" passed
}

stops_in_time() {
	settings 'stop-drain: 100ms' && systemctl reload paratestd && id=$(submit) &&
	    systemctl stop paratestd && is Result success && leaves_nothing || return 1
	settings
	systemctl start paratestd && ended_as "$id" cancelled
}

is_gone() {
	systemctl stop paratestd.socket && is ActiveState inactive && [ ! -e $socket ]
}

mkdir -m 1777 $dir
forget
check 'the user and the folder are made' has_user
check 'paratestd.service is clean' clean $units/paratestd.service
check 'paratestd.socket is clean' clean $units/paratestd.socket
check 'each line of the units says why' every_line_says_why
check "the exposure is not above $exposure" not_exposed
check 'the first client starts the service' activates
check 'the manager is told what goes on' tells_status
check 'the service is no root and gains no rights' is_no_root
check 'a test is its user, who gains nothing' runs_as_its_user
check 'a test is kept apart by default, and further when asked' is_kept_apart
check 'a user does not see what is of another' hides_others
check 'who is not in the group is told so' lets_in_whom_it_should
check 'the journal has fields' logs_fields
check 'the socket outlives a shutdown' outlives_shutdown
check 'settings are read again' reloads
check 'a bad file is refused with its line' refuses_a_bad_file
check 'no start is made with a bad file' does_not_start_with_one
check 'runs go on after a crash' survives_a_crash
check 'a hang is found, and runs go on' survives_a_hang
check 'a stop lets a run end' stops_patiently
check 'a stop ends in time, and nothing is left' stops_in_time
check 'without its socket the service is gone' is_gone
echo "$passed passed, $failed failed"

#!/bin/sh
# inside.sh: run by boot.sh as a unit of a freshly booted system that has the package in
# /srv.  A line "ok - NAME" or "not ok - NAME" a check; the last is "N passed, N failed".
set -u

deb=/srv/paratest.deb
config=/etc/paratest/paratestd.yaml
socket=/run/paratest/control.sock
state=/var/lib/paratest
passed=0 failed=0
export DEBIAN_FRONTEND=noninteractive

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

as() {		# USER COMMAND...
	user=$1
	shift
	timeout 60 setpriv --reuid="$user" --regid="$user" --init-groups env HOME=/tmp \
	    PARATEST_SOCKET=$socket "$@"
}

is_active() {
	for u; do
		systemctl is-active --quiet "$u" || { systemctl status --no-pager "$u"; return 1; }
	done
}

installs() {
	timeout 60 dpkg --install $deb && dpkg --verify paratest
}

listens() {
	is_active paratestd.socket && test -S $socket &&
	    [ "$(stat -c '%U %a' /run/paratest)" = 'paratest 755' ] &&
	    systemctl is-enabled paratestd.socket paratestd.service
}

serves_its_group() {
	echo 'allow-group: testers' >$config && systemctl reload paratestd &&
	    as alice paratestctl run -q /usr/share/doc/paratest/examples/demo.yaml &&
	    ! as bob paratestctl ping >/tmp/bob 2>&1 && cat /tmp/bob &&
	    grep 'for members of the group testers' /tmp/bob &&
	    [ "$(as alice paratestctl runs | wc -l)" = 2 ]
}

has_pages() {
	for p in paratestctl.1 paratest-mcp.1 paratest-suite.5 paratestd.yaml.5 paratestd.8; do
		test -s "/usr/share/man/man${p##*.}/$p.gz" || return 1
	done
	test -s /usr/share/doc/paratest/service-unit.md
}

# Settings and history stay, and the service comes back.
upgrades() {
	timeout 90 dpkg --install --force-confold $deb &&
	    is_active paratestd.socket paratestd.service &&
	    grep -q testers $config && [ "$(as alice paratestctl runs | wc -l)" = 2 ]
}

nothing_runs() {
	! pgrep -l paratest
}

is_removed() {
	timeout 90 dpkg --remove paratest && nothing_runs && [ ! -e $socket ] &&
	    [ ! -e /run/paratest ] && [ ! -e /usr/bin/paratestctl ] &&
	    ! systemctl is-active paratestd.socket && test -d $state && test -s $config &&
	    [ -n "$(ls $state)" ]
}

remembers() {
	timeout 60 dpkg --install --force-confold $deb && is_active paratestd.socket &&
	    [ "$(as alice paratestctl runs | wc -l)" = 2 ]
}

files() {
	find /etc /usr /var /run -xdev -name '*paratest*' | sort
}

is_purged() {
	timeout 90 dpkg --purge paratest && nothing_runs || return 1
	left=$(files | comm -13 /tmp/before -)
	[ -z "$left" ] || { echo "left: $left"; return 1; }
	[ ! -e $state ] && [ ! -e /var/cache/paratest ] && [ ! -e /etc/paratest ]
}

# prepare.sh has had its checks.
passed=$(grep -c '^ok' /out/log)
failed=$(grep -c '^not ok' /out/log)
files >/tmp/before
check 'it installs' installs
check 'the socket is there, as the service will be at boot' listens
check 'a user of the group runs a suite, another is refused' serves_its_group
check 'pages and documents are there' has_pages
check 'an upgrade keeps history and settings' upgrades
check 'removed, nothing runs, and the history is kept' is_removed
check 'installed again, it knows the old runs' remembers
check 'purged, nothing is left' is_purged
echo "$passed passed, $failed failed"

#!/bin/sh
# check-layers.sh: includes go one way only, common <- policy <- supervisor,
# common <- worker, common <- store, common <- ctl, common <- mcp, and mcp and ctl <- mcpsrv;
# and the supervisor forks in one file.
set -eu

cd "${CHECK_ROOT:-$(dirname "$0")/../..}"
bad=0

sources() {	# DIR [find arguments]
	d=$1
	shift
	[ -d "$d" ] || return 0
	find "$d" "$@" -type f \( -name '*.[ch]' -o -name '*.def' \) | sort
}

# The included files that are written with quotes, as FILE:LINE:path.
quoted() {
	[ $# -eq 0 ] || grep -nHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$@" |
	    sed -E 's/^([^:]*:[0-9]*):[^"]*"([^"]*)".*/\1:\2/'
}

layer() {	# what it may include (a pattern), then its files
	may=$1
	shift
	wrong=$(quoted "$@" | grep -vE "^[^:]*:[0-9]+:($may)\$" || true)
	[ -z "$wrong" ] || {
		echo "$wrong" | sed -E 's/^([^:]*:[0-9]*):(.*)/\1: may not include "\2"/' >&2
		bad=1
	}
}

# Word splitting is wanted: our own file names have no blanks.
# shellcheck disable=SC2046
{
	layer 'common/[^/]*' $(sources common)
	layer 'supervisor/policy/[^/]*|common/(outcome|flake)\.h' $(sources supervisor/policy)
	layer 'common/[^/]*|supervisor/.*' $(sources supervisor -maxdepth 1)
	layer 'common/[^/]*|worker/.*' $(sources worker)
	layer 'common/[^/]*|store/.*' $(sources store)
	layer 'common/[^/]*|ctl/.*' $(sources ctl)
	layer 'common/[^/]*|mcp/.*' $(sources mcp)
	layer 'common/[^/]*|ctl/.*|mcp/mcp\.h|mcp/schema\.h|mcpsrv/.*' $(sources mcpsrv)
}

forks='fork|vfork|clone|clone3|_Fork|posix_spawnp?|popen|system|daemon|forkpty'
forks="(^|[^[:alnum:]_>.])($forks)[[:space:]]*\\("
for f in $(sources supervisor); do
	[ "$f" != supervisor/spawn.c ] || continue
	# Comments and strings are no calls.
	wrong=$(sed -E -e 's/"([^"\\]|\\.)*"//g; s,/\*.*\*/,,g; s,/\*.*,,' \
	    -e 's,^[[:space:]]*\*.*,,' "$f" |
	    grep -nE "$forks|SYS_(v?fork|clone3?)" || true)
	[ -z "$wrong" ] || {
		echo "$wrong" | sed "s,^,$f:,; s,\$, -- processes are started in spawn.c only," >&2
		bad=1
	}
done
exit $bad

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Test Anything Protocol for shell tests: every check prints one line; finish prints the plan.

tap_count=0

pass() {
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s\n' "$tap_count" "$1"
}

# fail NAME [WHAT WAS SEEN]
fail() {
	tap_count=$((tap_count + 1))
	printf 'not ok %d - %s\n' "$tap_count" "$1"
	[[ -z ${2-} ]] || diag "$2"
}

skip() {
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "$2"
}

# At most a screenful: a recursive diff can be long.
diag() {
	printf '%s\n' "$1" | head -n 25 | sed 's/^/# /'
}

skip_all() {
	printf '1..0 # SKIP %s\n' "$1"
	exit 0
}

bail_out() {
	printf 'Bail out! %s\n' "$1"
	exit 1
}

finish() {
	printf '1..%d\n' "$tap_count"
}

# What a command prints goes to a file without a name, so that it can run in this very shell.
tap_file=$(mktemp) || exit 1
exec {tap_fd}<>"$tap_file"
rm -f -- "$tap_file"
tap_file=/proc/$$/fd/$tap_fd

# check NAME COMMAND…: it succeeds.
check() {
	local name=$1 status=0
	shift
	"$@" >"$tap_file" 2>&1 || status=$?
	if ((status == 0)); then
		pass "$name"
	else
		fail "$name" "$*: exit $status
$(<"$tap_file")"
	fi
}

# refused NAME PATTERN COMMAND…: it fails, and what it prints matches the pattern.
refused() {
	local name=$1 pattern=$2 output status=0
	shift 2
	"$@" >"$tap_file" 2>&1 || status=$?
	output=$(tr -d '\0' <"$tap_file")
	if ((status != 0)) && [[ $output =~ $pattern ]]; then
		pass "$name"
	else
		fail "$name" "$*: exit $status, wanted a failure that says: $pattern
$output"
	fi
}

# equal NAME GOT WANTED
equal() {
	if [[ $2 == "$3" ]]; then
		pass "$1"
	else
		fail "$1" "got:    $2
wanted: $3"
	fi
}

# like NAME TEXT PATTERN (an extended regular expression)
like() {
	if [[ $2 =~ $3 ]]; then
		pass "$1"
	else
		fail "$1" "got: $2
wanted something like: $3"
	fi
}

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What a test of the commands starts with: a folder of its own with a home in it, and ways to look at how
# a command ended.
#
#     . "$(dirname -- "$0")/../lib/program.sh"
#     start_program_test
#     exits 'a good package' 0 "$walnut" verify --package x.walnut
#     like 'it says so' "$out" 'PASS'
#     end_program_test

set -uo pipefail
export LC_ALL=C.UTF-8
unset GH_USER GH_TOKEN ALIVE_SESSION_ID ALIVE_ENGINE ALIVE_WORLD ALIVE_RELAY_KEYS_DIR WALNUT_NOW \
	SOURCE_DATE_EPOCH XDG_STATE_HOME XDG_RUNTIME_DIR

lib=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$lib/tap.sh"

build=${WLT_BUILD_DIR:?run by make check, or with WLT_BUILD_DIR naming the build folder}
walnut=$build/walnut
sanitized=false
! grep -q '^WLT_SANITIZE = .*-fsanitize' "$build/Makefile" || sanitized=true

T= # the folder of this test, and the current one

start_program_test() {
	[[ -x $walnut ]] || bail_out "$walnut is not built"
	T=$(mktemp -d) || bail_out 'no temporary folder'
	trap 'cd / && rm -rf --one-file-system -- "$T"' EXIT
	trap 'exit 1' INT TERM HUP
	if $sanitized; then
		export ASAN_OPTIONS=log_path=$T/.sanitizer:exitcode=66:suppressions=$lib/asan.supp
		export LSAN_OPTIONS=suppressions=$lib/lsan.supp:print_suppressions=0
		export UBSAN_OPTIONS=log_path=$T/.sanitizer:print_stacktrace=1
		export TSAN_OPTIONS=log_path=$T/.sanitizer:exitcode=66:suppressions=$lib/tsan.supp
	fi
	new_home home
	cd "$T" || bail_out "$T cannot be entered"
}

end_program_test() {
	local report
	if $sanitized; then
		report=$(cat "$T"/.sanitizer.* 2>/dev/null)
		equal 'the sanitizer has nothing to report' "${report:0:4000}" ''
	fi
	finish
}

# Be somebody else: new_home NAME, be NAME.
new_home() {
	mkdir -m 700 "$T/$1" && be "$1"
}
be() {
	export HOME=$T/$1
}

# exits NAME STATUS COMMAND…: it ends so. What it wrote is in $out and $errors afterwards.
exits() {
	local name=$1 wanted=$2 status=0
	shift 2
	"$@" >"$T/.out" 2>"$T/.errors" </dev/null || status=$?
	out=$(<"$T/.out")
	errors=$(<"$T/.errors")
	if ((status == wanted)); then
		pass "$name"
	else
		fail "$name" "$*: exit $status, wanted $wanted
$out
$errors"
	fi
}

# fails NAME STATUS PATTERN COMMAND…: it ends so, with nothing on stdout and on stderr one line that
# matches the pattern.
fails() {
	local name=$1 wanted=$2 pattern=$3 status=0
	shift 3
	"$@" >"$T/.out" 2>"$T/.errors" </dev/null || status=$?
	out=$(<"$T/.out")
	errors=$(<"$T/.errors")
	if ((status == wanted)) && [[ -z $out && $(wc -l <"$T/.errors") == 1 &&
		$errors == 'walnut: '* && $errors =~ $pattern ]]; then
		pass "$name"
	else
		fail "$name" "$*: exit $status, wanted $wanted and: $pattern
$out
$errors"
	fi
}

# json NAME FILTER WANTED: of what the last command wrote.
json() {
	equal "$1" "$(jq -r "$2" <<<"$out" 2>&1)" "$3"
}

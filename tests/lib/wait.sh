# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Waiting for something to become true, by a deadline, without guessing how long it takes.

# A pipe on which nothing ever arrives: reading it with a time-out is a pause that costs no process.
exec {wait_pipe}<> <(:)

wait_pause() {
	read -r -t 0.05 -u "$wait_pipe" || true
}

# A factor: everything takes longer on a machine that is busy, and yet longer under a sanitizer.
wait_patience=${wait_patience:-3}

# wait_for SECONDS COMMAND…: until it succeeds; fails when the time is up.
wait_for() {
	local deadline=$((SECONDS + $1 * wait_patience + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || return 1
		wait_pause
	done
}

# wait_until_not SECONDS COMMAND…: until it fails.
wait_until_not() {
	local deadline=$((SECONDS + $1 * wait_patience + 1))
	shift
	while "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || return 1
		wait_pause
	done
}

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What every mount test starts with: a folder of its own, users with a home, a world and a relay each,
# mounts of walnutfs, and a certain end to all of it.
#
#     . "$(dirname -- "$0")/../lib/mount.sh"
#     start_test
#     new_user alice; new_user bob; befriend alice bob
#     mount_user alice; mount_user bob
#     …
#     end_test

set -uo pipefail
export LC_ALL=C.UTF-8
unset GH_USER GH_TOKEN ALIVE_SESSION_ID ALIVE_ENGINE ALIVE_WORLD ALIVE_RELAY_KEYS_DIR WALNUT_NOW \
	SOURCE_DATE_EPOCH XDG_STATE_HOME XDG_RUNTIME_DIR

lib=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$lib/tap.sh"
# shellcheck source-path=SCRIPTDIR source=wait.sh
. "$lib/wait.sh"
# shellcheck source-path=SCRIPTDIR source=walnuts.sh
. "$lib/walnuts.sh"
# shellcheck source-path=SCRIPTDIR source=relays.sh
. "$lib/relays.sh"

build=${WLT_BUILD_DIR:?run by make check, or with WLT_BUILD_DIR naming the build folder}
walnutfs=$build/walnutfs
walnut=$build/walnut
sanitized=false
! grep -q '^WLT_SANITIZE = .*-fsanitize' "$build/Makefile" || sanitized=true

T=                # the folder of this test
declare -A daemon # pid of each user's walnutfs
declare -A mounts # 1 for each user who has one

# --- beginning and end ---------------------------------------------------------------------------

# Mounts live in a mount namespace of the test's own where that can be had, so that nothing of them
# is left on the machine whatever happens.
start_test() {
	if ((EUID == 0)) && [[ -z ${WLT_OWN_NAMESPACE-} ]] && unshare --mount true 2>/dev/null; then
		WLT_OWN_NAMESPACE=1 exec unshare --mount --propagation private "$0"
	fi
	[[ -r /dev/fuse && -w /dev/fuse ]] || skip_all "/dev/fuse cannot be opened by this user"
	[[ -x $walnutfs && -x $walnut ]] || bail_out "$walnutfs or $walnut is not built"
	T=$(mktemp -d) || bail_out "no temporary folder"
	trap end_by_signal INT TERM HUP
	trap clean_up EXIT
	if $sanitized; then
		wait_patience=4
		export ASAN_OPTIONS=log_path=$T/sanitizer:exitcode=66:suppressions=$lib/asan.supp
		export LSAN_OPTIONS=suppressions=$lib/lsan.supp:print_suppressions=0
		export UBSAN_OPTIONS=log_path=$T/sanitizer:print_stacktrace=1
		export TSAN_OPTIONS=log_path=$T/sanitizer:exitcode=66:second_deadlock_stack=1:suppressions=$lib/tsan.supp
	fi
}

end_by_signal() {
	clean_up
	trap - EXIT
	exit 1
}

clean_up() {
	local user
	trap - INT TERM HUP
	cd /
	for user in "${!mounts[@]}"; do
		unmount_user "$user" || true
	done
	if [[ -n $T ]]; then
		umount "$T"/small 2>/dev/null || true
		rm -rf --one-file-system -- "$T"
	fi
}

# Unmounting is part of every test: a daemon that does not go is a failure like any other.
end_test() {
	local user report
	cd /
	for user in "${!mounts[@]}"; do
		check "the mount of $user goes away cleanly" unmount_user "$user"
	done
	if $sanitized; then
		report=$(cat "$T"/sanitizer.* 2>/dev/null)
		equal "the sanitizer has nothing to report" "${report%%$'\n'*}" ""
		report=${report:0:20000}
		[[ -z $report ]] || printf '# %s\n' "${report//$'\n'/$'\n'# }"
	fi
	finish
}

# --- users ---------------------------------------------------------------------------------------

# as USER COMMAND…: with that user's home and state.
as() {
	local home=$T/$1
	shift
	env HOME="$home" XDG_STATE_HOME="$home/.state" "$@"
}

# RSA keys of full size take a second each; the tests of one build share a few that were made once.
# What `walnut relay setup` makes by itself is seen in setup.test and in the demonstration.
shared_key() {
	local keys=$build/tests/keys
	mkdir -p "$keys"
	(
		flock 9
		if [[ ! -s $keys/$1.pem ]]; then
			openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out "$keys/$1.new" ||
				openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out "$keys/$1.new"
			mv "$keys/$1.new" "$keys/$1.pem"
		fi
	) 9>"$keys/lock" 2>/dev/null
	cat "$keys/$1.pem"
}

# A home with a world and a relay of its own. A private key can be given.
new_user() {
	local user=$1 home=$T/$1 key=${2-}
	mkdir -p "$home/world/.alive" "$home/.alive/relay/keys" "$home/mnt"
	chmod 700 "$home/.alive/relay" "$home/.alive/relay/keys"
	if [[ -n $key ]]; then
		cat "$key"
	else
		shared_key "$user"
	fi | (umask 077 && cat >"$home/.alive/relay/keys/private.pem")
	openssl pkey -in "$home/.alive/relay/keys/private.pem" -pubout \
		-out "$home/.alive/relay/keys/public.pem" 2>/dev/null
	as "$user" "$walnut" relay setup --username "$user" >"$home/setup.log" 2>&1 ||
		bail_out "walnut relay setup for $user: $(cat "$home/setup.log")"
}

relay_of() { printf '%s\n' "$T/$1/.alive/relay/repo.git"; }

# Each invites and accepts the other.
befriend() {
	local a=$1 b=$2
	{
		as "$a" "$walnut" relay invite "$b" &&
			as "$b" "$walnut" relay invite "$a" &&
			as "$a" "$walnut" relay accept "$(relay_of "$b")" --peer "$b" &&
			as "$b" "$walnut" relay accept "$(relay_of "$a")" --peer "$a"
	} >"$T/befriend.log" 2>&1 </dev/null ||
		bail_out "invite and accept between $a and $b: $(cat "$T/befriend.log")"
}

# --- mounts --------------------------------------------------------------------------------------

mounted() { mountpoint -q "$T/$1/mnt"; }
running() { kill -0 "${daemon[$1]}" 2>/dev/null; }
ended() { ! running "$1"; }
ready() { ended "$1" || mounted "$1"; }

# mount_user USER [MORE OPTIONS]: in the foreground of a background job, so that its pid is known.
mount_user() {
	local user=$1 more=${2-} home=$T/$1
	as_daemon "$user" "$walnutfs" "$home/mnt" -f \
		-o "poll=1,grace=0.2,settle=2,world=$home/world${more:+,$more}"
	mounts[$user]=1
	wait_for 20 ready "$user"
	mounted "$user" || bail_out "walnutfs for $user does not mount: $(cat "$home/walnutfs.log")"
}

# The process itself is the job, without a shell between, so that a signal reaches it; also SIGINT, which
# shells have background jobs ignore.
as_daemon() {
	local user=$1 home=$T/$1
	shift
	HOME=$home XDG_STATE_HOME=$home/.state env --default-signal=INT "$@" >>"$home/walnutfs.log" 2>&1 </dev/null &
	daemon[$user]=$!
}

# Fails when the daemon has to be killed or ends with an error.
unmount_user() {
	local user=$1 mnt=$T/$1/mnt status=0
	unset "mounts[$user]"
	fusermount3 -u "$mnt" || {
		fusermount3 -u -z "$mnt" 2>/dev/null
		status=1
	}
	if ! wait_for 8 ended "$user"; then
		kill -KILL "${daemon[$user]}"
		status=1
	fi
	wait "${daemon[$user]}" 2>/dev/null || {
		printf 'walnutfs of %s ended with %d: %s\n' "$user" "$?" "$(tail -n 5 "$T/$user/walnutfs.log")"
		status=1
	}
	return "$status"
}

# As a power cut would: nothing is told to the daemon, the mount is left dead and taken away.
crash_user() {
	kill -KILL "${daemon[$1]}"
	wait "${daemon[$1]}" 2>/dev/null
	fusermount3 -u -z "$T/$1/mnt"
	unset "mounts[$1]"
}

# --- what is going on ----------------------------------------------------------------------------

outbox() { printf '%s\n' "$T/$1/mnt/outbox/$2"; }
inbox() { printf '%s\n' "$T/$1/mnt/inbox/$2"; }

# event USER EVENT DROP: has it been told? The drop's name is new in every case, so that an older line
# is never taken for the awaited one.
event() {
	jq -es --arg event "$2" --arg name "$3" \
		'any(.[]; .event == $event and (.drop // (.package // "" | rtrimstr(".walnut"))) == $name)' \
		"$T/$1/mnt/.walnutfs/events"
}

# await USER SECONDS COMMAND…: like wait_for, but there is nothing to wait for once the daemon has died.
await() {
	local user=$1 deadline=$((SECONDS + $2 * wait_patience + 1))
	shift 2
	until "$@" >/dev/null 2>&1; do
		if ended "$user"; then
			printf 'walnutfs of %s has died\n' "$user"
			return 1
		fi
		((SECONDS < deadline)) || return 1
		wait_pause
	done
}

# wait_event USER EVENT DROP [SECONDS]
wait_event() {
	await "$1" "${4-30}" event "$1" "$2" "$3" || {
		printf 'no "%s" for %s; the last events are\n' "$2" "$3"
		tail -n 5 "$T/$1/mnt/.walnutfs/events"
		return 1
	}
}

# drop_state USER PEER NAME: its state as queue.json has it, "gone" when it has none.
drop_state() {
	jq -r --arg peer "$2" --arg name "$3" \
		'[(.sent[] | {state: "sent"} + .), .drops[] | select(.peer == $peer and .name == $name) | .state] | last // "gone"' \
		"$T/$1/mnt/.walnutfs/queue.json"
}

state_is() { [[ $(drop_state "$1" "$2" "$3") == "$4" ]]; }

# wait_state USER PEER NAME STATE [SECONDS]
wait_state() {
	await "$1" "${5-30}" state_is "$1" "$2" "$3" "$4" || {
		printf 'the state is "%s" and not "%s"\n' "$(drop_state "$1" "$2" "$3")" "$4"
		jq . "$T/$1/mnt/.walnutfs/queue.json"
		return 1
	}
}

# wait_gone USER PEER NAME [SECONDS]: until the drop has left the outbox.
wait_gone() {
	await "$1" "${4-30}" test ! -e "$(outbox "$1" "$2")/$3" || {
		printf 'it is still there, and this is the queue\n'
		jq -c '.drops[]' "$T/$1/mnt/.walnutfs/queue.json"
		return 1
	}
}

# The entry in the inbox of USER from SENDER that was made from walnut NAME; fails unless there is one.
arrived() {
	local found
	found=$(find "$(inbox "$1" "$2")" -mindepth 1 -maxdepth 1 -name "$3-[0-9]*")
	[[ -n $found && $found != *$'\n'* ]] || return 1
	printf '%s\n' "$found"
}

# wait_arrival USER SENDER NAME [SECONDS]: the path of the package once it is there.
wait_arrival() {
	await "$1" "${4-30}" arrived "$1" "$2" "$3" >/dev/null
	arrived "$1" "$2" "$3"
}

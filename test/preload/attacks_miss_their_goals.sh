#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs with memory bugs: the heap attacks of attacks/*.c do not reach their goals under
# the shim, in its default configuration and in a hardened one. An attack counts as stopped if the
# process was killed or the attack had no effect. The attacks that still succeed are listed in this
# file, and exactly these must: whoever makes the library stop one more deletes it from the list. Of
# the published attacks, by default more are stopped than glibc stops (Faults B34, E27).
#
# usage, by hand: attacks_miss_their_goals.sh --allocators
#                 prints a table of all attacks under several allocators
# shellcheck source=test/preload/common
PINNED_BUILD=${PINNED_BUILD:-build} PINNED_SOURCE=${PINNED_SOURCE:-.}
. "$(dirname "$0")/common"
ulimit -c 0

reached_by_default='dangling/old_data dangling/old_data_of_medium dangling/read_after_free
	dangling/write_after_realloc dangling/write_after_reuse
	double_free/after_reuse double_free/of_large_after_reuse
	overflow/before_the_begin overflow/linear overflow/linear_of_large
	overflow/linear_of_medium overflow/off_by_one
	published/byte_32_after_large published/byte_32_after_small
	published/byte_32_before_small published/byte_a_mib_after_large
	published/byte_a_mib_after_medium published/byte_a_mib_after_small
	published/byte_after_large published/byte_after_small
	published/byte_before_small published/copy_1_after_large
	published/copy_1_after_small published/copy_1_before_small
	published/copy_32_after_large published/copy_32_before_small
	published/copy_a_mib_after_large published/old_data_in_new_large
	published/old_data_in_new_medium published/old_data_in_new_small
	published/old_data_in_place_large published/old_data_in_place_medium
	published/old_data_in_place_small published/reads_nothing
	published/reused_at_once_large published/reused_at_once_medium
	published/reused_at_once_small published/reused_for_half_small
	published/write_after_free_small published/write_before_reuse_small
	published/writes_nothing'
reached_hardened='overflow/before_the_begin overflow/linear overflow/linear_of_medium
	overflow/off_by_one published/byte_32_after_large
	published/byte_a_mib_after_large
	published/byte_a_mib_after_medium published/byte_a_mib_after_small
	published/byte_after_large published/byte_after_small
	published/copy_1_after_large published/copy_1_after_small
	published/copy_32_after_large published/copy_32_after_small
	published/copy_a_mib_after_large published/copy_a_mib_after_small
	published/reads_nothing published/writes_nothing'
# Whether these succeed by default depends on when the freed chunks go back to the system.
varying='dangling/old_data_of_large|dangling/read_after_free_of_large'
# The key random is off, because the attacks that it stops vary from run to run.
hardened=zero_on_free:1,quarantine:64M,guard:1

names_of_all() {
	local source name
	for source in "$(dirname "$0")"/attacks/*.c; do
		name=$(basename "$source" .c)
		"$attacks/$name" | sed "s,^,$name/,"
	done
}

# outcome ATTACK VARIABLE=VALUE...: runs the attack and prints its outcome. The file $out gets what
# the attack printed.
outcome() {
	local status=0
	env "${@:2}" timeout 20 "$attacks/${1%/*}" "${1#*/}" >"$out" 2>"$out.err" || status=$?
	case $status in
	0) cat "$out" ;;
	134) echo aborted ;;
	135 | 139) echo crashed ;;
	*) echo "ended with $status" ;;
	esac
}

# under NAME VARIABLE=VALUE...: runs all attacks and writes the outcomes to the file NAME, one a
# line.
under() {
	local attack out=$1.out
	while read -r attack; do
		printf '%s %s\n' "$attack" "$(outcome "$attack" "${@:2}")"
	done <names >"$1"
}

shim=(LD_PRELOAD="$(realpath "$PINNED_BUILD")/lib/libmalloc-pinned.so")
conf=MALLOC_PINNED_CONF=backend:${TEST_BACKEND:-anon},policy:fail

reached() {  # NAME: what succeeded under it, except for what varies
	sed -n 's/ attack succeeded$//p' "$1" | grep -vxE "$varying" | sort | tr '\n' ' '
}

# stops NAME EXPECTED: checks that exactly the attacks in EXPECTED succeed.
stops() {
	local all stopped
	all=$(wc -l <"$1")
	stopped=$(grep -vc 'attack succeeded' "$1")
	echo "$1: $stopped of $all attacks stopped; not these: $(reached "$1")"
	[ "$(reached "$1")" = "$(tr -s '\t\n ' '\n' <<<"$2" | sed '/^$/d' | sort | tr '\n' ' ')" ] ||
		fail "$1: expected to succeed: $2"
	! grep 'ended with' "$1" || fail "$1: a program ended otherwise"
}

table() {
	local name
	printf '| attack |'
	printf ' %s |' "$@"
	printf '\n|---|'
	printf '%.0s---|' "$@"
	echo
	while read -r attack; do
		printf '| %s |' "${attack//_/ }"
		for name; do
			sed -n "s,^$attack ,,p" "$name" | sed 's/attack succeeded/**succeeds**/; s/.*/ & |/' | tr -d '\n'
		done
		echo
	done <names
	printf '| stopped |'
	for name; do printf ' %s |' "$(grep -vc 'attack succeeded' "$name")"; done
	echo
}

if [ "${1:-}" = --allocators ]; then
	attacks=$(realpath "$attacks")
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	names_of_all >"$work/names"
	cd "$work"
	under glibc A=
	under jemalloc LD_PRELOAD=libjemalloc.so.2
	under mimalloc LD_PRELOAD=libmimalloc.so.2
	under pinned "${shim[@]}" "$conf"
	under hardened "${shim[@]}" "$conf,$hardened"
	table glibc jemalloc mimalloc pinned hardened
	exit
fi

{
	names_of_all >names
	[ "$(wc -l <names)" -eq 148 ] || fail "not 148 attacks, but $(wc -l <names)"
	under default "${shim[@]}" "$conf" &
	under hardened "${shim[@]}" "$conf,$hardened" &
	wait
	stops default "$reached_by_default"
	stops hardened "$reached_hardened"
} 2>&1 # bash tells here what each was killed by

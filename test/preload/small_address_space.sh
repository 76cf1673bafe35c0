#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs under a small limit on address space: they start and work, and when they run
# out of memory they fail as they do without the shim (Faults B19).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

seq 20000 | tac >numbers
# limited KiB command...: checks that the command behaves under this limit as without the shim.
limited() {
	local kib=$1
	shift
	# shellcheck disable=SC2016 # for the inner shell
	same "$1" bash -c 'ulimit -v "$1"; shift; exec "$@"' limited "$kib" "$@"
}

limited 65536 sort -S 1M -n numbers
# shellcheck disable=SC2016 # for the inner shell
limited 65536 bash -c 'for i in $(seq 3000); do text+="line $i "; done; (echo "$text") | cksum'
limited 65536 python3 -c 'print(sum(len(str(i)) for i in range(100000)))'
limited 65536 xz -0 -c numbers
limited 32768 sort -S 1M -n numbers
# With so little address space there is no room for an arena: programs print at most one warning.
for command in 'sort -S 1M -n numbers' 'ls /usr/bin' 'bash --version'; do
	read -r -a words <<<"$command"
	"${words[@]}" >plain.out
	# shellcheck disable=SC2016 # for the inner shell
	"${pinned[@]}" bash -c 'ulimit -v 19456; exec "$@"' limited "${words[@]}" >pinned.out 2>err ||
		fail "$command: exit status $?: $(cat err)"
	cmp plain.out pinned.out
	without_report err >said
	[ ! -s said ] || is_one_line said || fail "$command: $(cat said)"
	[ ! -s said ] || grep -q '^pinned: no pinned memory' said || fail "$command: $(cat said)"
done

# A request that cannot be served fails, as the program expects.
limited 131072 python3 -c '
try:
    bytearray(1 << 30)
except MemoryError:
    print("MemoryError")'

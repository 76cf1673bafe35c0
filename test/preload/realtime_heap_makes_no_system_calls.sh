#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: with the key realtime, a program whose threads have begun gets and frees memory without a
# system call and without a page fault, as the kernel counts them. Threads may wait for each other's
# locks, and for nothing else. A program that cannot get its memory at the start is told.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

# run THREADS: runs the program, which is killed for any system call of the allocator.
run() {
	"${pinned[@]}" --realtime 64M -- "$programs/realtime_heap" "$1" >out 2>err || fail "$1 threads: status $?" "$(cat out err)"
	used_pinned err realtime_heap
	[ "$(report err realtime_heap chunks_peak)" -eq 32 ] || fail "$1 threads: other chunks than those of the start" "$(cat err)"
	[ "$(grep -c '^bytes=[1-9]' out)" -eq "$1" ] || fail "$1 threads: $(cat out)"
}

# The kernel may move ordinary pages, which the next access sees as a fault. The library's own faults
# would be the same in each run.
has_no_faults() {
	[ "$(grep -c ' faults=0$' out)" -eq "$1" ]
}

for threads in 1 3; do
	tries=3
	[ "${TEST_BACKEND:-anon}" = anon ] || tries=1
	run "$threads"
	while ! has_no_faults "$threads"; do
		[ $((--tries)) -gt 0 ] || fail "$threads threads: $(cat out)"
		run "$threads"
	done
done

# Without the key, the same program is killed for its first system call.
status=0
"${pinned[@]}" -- "$programs/realtime_heap" 1 >out 2>err || status=$?
[ "$status" -eq 159 ] || fail "without the key: status $status" "$(cat out err)"

status=0
"${pinned[@]}" --realtime 64M --limit 32M --policy fail -- true >out 2>err || status=$?
[ "$status" -eq 127 ] || fail "more than the limit: status $status" "$(cat err)"
grep -q 'policy fail: the program does not start' err || fail "more than the limit: $(cat err)"

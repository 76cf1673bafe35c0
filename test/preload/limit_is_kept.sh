#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of the limit: the limit is kept. A program that needs more runs on with
# ordinary memory, and the report says how much; under policy fail further requests are
# refused (Faults B33, B38).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

run() {
	"${pinned[@]}" "$@" >out 2>err || fail "$*: exit status $?: $(cat err)"
	! without_report err | grep -v '^pinned: pinned memory is used up: the key limit ' || fail "$*: $(cat err)"
}

for size in 100 3000 1000000 9000000; do
	run --limit 4M -- "$programs/pieces_up_to_a_limit" "$size"
	[ "$(cat out)" = 'all again' ] || fail "$size: $(cat out)"
	[ "$(report err pieces_up_to_a_limit chunks_peak)" -le 2 ] || fail "over the limit: $(cat err)"
	[ "$(report err pieces_up_to_a_limit fallback_bytes)" -ge $((56 << 20)) ] || fail "$size: $(cat err)"
	[ "$(report err pieces_up_to_a_limit fallback_allocs)" -ge 7 ] || fail "$size: $(cat err)"

	run --limit 4M --policy fail -- "$programs/pieces_up_to_a_limit" "$size"
	expected='some again'
	[ "$size" -lt 4000000 ] || expected='none again'
	[ "$(cat out)" = "$expected" ] || fail "$size, policy fail: $(cat out)"
	[ "$(report err pieces_up_to_a_limit chunks_peak)" -le 2 ] || fail "over the limit: $(cat err)"
	[ "$(report err pieces_up_to_a_limit fallback_allocs)" -eq 0 ] || fail "policy fail fell back: $(cat err)"

	run --limit 200M -- "$programs/pieces_up_to_a_limit" "$size"
	[ "$(cat out)" = 'all again' ] || fail "$size: $(cat out)"
	[ "$(report err pieces_up_to_a_limit fallback_allocs)" -eq 0 ] || fail "below the limit: $(cat err)"
done

# A limit below one chunk leaves no pinned memory at all.
run --limit 1M -- "$programs/pieces_up_to_a_limit" 1000
[ "$(report err pieces_up_to_a_limit chunks_peak)" -eq 0 ] || fail "over the limit: $(cat err)"
# In that case each request is counted as a fallback: 1000 resizes of one object, and two rounds of
# allocations.
[ "$(report err pieces_up_to_a_limit fallback_allocs)" -ge $((1000 + 2 * ((64 << 20) / 1000))) ] || fail "not all counted: $(cat err)"

# Large programs run on a few chunks together with libc's heap.
seq 200000 | tac >numbers
sort -n numbers >plain
run --limit 2M -- sort -n numbers
cmp plain out
run --limit 2M -- python3 -c 'print(sum(len(str(i)) for i in [*range(300000)]))'
[ "$(cat out)" = 1688890 ] || fail "$(cat out)"

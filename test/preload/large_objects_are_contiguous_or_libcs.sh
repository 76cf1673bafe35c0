#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: with the key contiguous, an object of at least that size is one physical extent or libc's,
# never pinned memory in pieces; what is refused is counted, and said once. On a backend without
# contiguous runs, all of them are libc's.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
backend=${TEST_BACKEND:-anon}

# Other tests may have left memory in pieces.
if [ "$backend" = device ] && [ -w /proc/sys/vm/compact_memory ]; then echo 1 >/proc/sys/vm/compact_memory; fi
"${pinned[@]}" --contiguous 4M -- "$programs/contiguous" "$backend" >out 2>err || fail "status $?" "$(cat out err)"
cat out
said=$(grep -c 'pinned: pinned memory is used up: there is no contiguous run' err || true)
count=$(sed -n 's/.* ordinary=//p' out)
fallback=$(report err contiguous fallback_allocs)
if [ "$backend" = anon ]; then
	grep -q '^pinned=0 ' out || fail "pinned without runs" "$(cat out)"
	[ "$count" -gt 30 ] || fail "only $count objects"
else
	grep -q '^pinned=[1-9]' out || fail "no object is contiguous" "$(cat out)"
fi
# realloc() asks again for an object that libc has, so more requests than objects may fall back.
[ "$fallback" -ge "$((count > 0))" ] || fail "fallback_allocs=$fallback, and $count objects are libc's" "$(cat err)"
[ "$said" = "$((count > 0))" ] || fail "said $said times" "$(cat err)"

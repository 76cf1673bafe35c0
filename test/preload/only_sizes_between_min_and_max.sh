#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of the keys min and max: only requests between these sizes go to pinned memory. An
# object that is resized across a bound keeps its content, and each object is freed by the allocator
# that it came from (Faults B32).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

for window in '--min 4096' '--max 1000' '--min 64 --max 2M' '--min 2M' '--min 100 --max 100'; do
	read -r -a options <<<"$window"
	status=0
	"${pinned[@]}" "${options[@]}" -- "$programs/random_operations" >out 2>err || status=$?
	[ "$status" -eq 0 ] || fail "$window: exit status $status: $(cat err)"
	[ "$(without_report err)" = '' ] || fail "$window: $(cat err)"
	used_pinned err random_operations
	"${pinned[@]}" "${options[@]}" -- "$programs/fork_isolation" >out 2>err || fail "$window: $(cat err)"
	[ "$(without_report err)" = '' ] || fail "$window: $(cat err)"
done

# If no request lies between min and max, libc serves all of them.
"${pinned[@]}" --min 1G -- sort --version >out 2>err
[ "$(report err sort chunks_peak)" -eq 0 ] || fail "$(cat err)"
MALLOC_PINNED_CONF=backend:${TEST_BACKEND:-anon},report:1,min:1000,max:10 LD_PRELOAD=$PINNED_BUILD/lib/libmalloc-pinned.so \
	sort --version >out 2>err
[ "$(report err sort chunks_peak)" -eq 0 ] || fail "$(cat err)"

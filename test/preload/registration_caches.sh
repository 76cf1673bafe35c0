#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that cache registrations of memory, for example for RDMA: a cache that learns by
# UCX's libucm, or by replaced addresses of functions as in libfabric, which memory goes, hears of
# each range of pinned memory once and before the range goes, and never uses a stale registration.
# While it hears of memory, the program allocates, frees, maps and forks (Faults E12).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

wanted='20 rounds, 20 with new memory, 0 stale, 0 heard twice, 0 heard too late'
for how in ucm tables; do
	for decay in 0 10000; do
		"${pinned[@]}" --decay-ms $decay -- "$programs/hears_of_memory" $how >out 2>err || fail "$how: $(cat out err)"
		[ "$(cat out)" = "$wanted" ] || fail "$how, decay $decay: $(cat out)"
		[ "$(report err hears_of_memory fallback_allocs)" = 0 ] || fail "$how: $(cat err)"
	done
done

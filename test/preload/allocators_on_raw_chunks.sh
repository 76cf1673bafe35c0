#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of another allocator on raw chunks, as in the examples: jemalloc by its extent
# hooks, mimalloc by its arenas. Every pointer that the allocator returns is pinned, and with the
# driver pinned_v2p() returns the address that the page tables contain.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
backend=${TEST_BACKEND:-anon}
export PINNED_CONF=backend:$backend LD_LIBRARY_PATH=$PINNED_BUILD/stage/lib

for example in jemalloc-extent-hooks mimalloc-arena; do
	"$PINNED_BUILD/examples/$example/try" >out 2>err || fail "$example: status $?" "$(cat out err)"
	grep -q " backend=$backend .* wrong=0\$" out || fail "$example says" "$(cat out)"
	cat out
done

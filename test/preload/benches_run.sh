#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects readers of the benchmarks: each benchmark runs and ends with its line of figures.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc" make python3

# Runs no other allocator, since none need be installed here, and to save time.
make -C "$PINNED_SOURCE" bench-smoke BENCH='--allocators pinned,passthrough' >"$TMPDIR/out" 2>&1 || fail "$(cat "$TMPDIR/out")"
for key in time/glibc rss/glibc micro/glibc touch/glibc real/glibc scale v2p_ns v2p_flat; do
	grep -qE "^bench: .*\<$key\.pinned=[0-9.]+" "$TMPDIR/out" || fail "no $key: $(cat "$TMPDIR/out")"
done
grep '^{' "$TMPDIR/out" | python3 -m json.tool >/dev/null || fail "no line of JSON: $(cat "$TMPDIR/out")"

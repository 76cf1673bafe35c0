#!/bin/bash
# SPDX-License-Identifier: MIT
# The benchmarks run, and end with the line of figures that people quote.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc" make python3

# The other allocators need not be installed here, nor take time.
make -C "$PINNED_SOURCE" bench-smoke BENCH='--allocators pinned,passthrough' >"$TMPDIR/out" 2>&1 || fail "$(cat "$TMPDIR/out")"
for key in time/glibc rss/glibc micro/glibc touch/glibc real/glibc v2p_ns v2p_flat; do
	grep -qE "^bench: .*\<$key\.pinned=[0-9.]+" "$TMPDIR/out" || fail "no $key: $(cat "$TMPDIR/out")"
done

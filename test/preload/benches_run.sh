#!/bin/bash
# SPDX-License-Identifier: MIT
# The benchmarks run, and end with the line of figures that people quote.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc" make

"$PINNED_SOURCE/bench/run" --smoke >"$TMPDIR/out" || fail "$(cat "$TMPDIR/out")"
tail -n 1 "$TMPDIR/out" | grep -qE '^bench: .*pair64/glibc=[0-9.]+ .*v2p_ns=[0-9.]+ pagemap/v2p=[0-9.]+$' ||
	fail "$(cat "$TMPDIR/out")"

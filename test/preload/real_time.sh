#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects real-time programs: cyclictest, which locks all its memory first, runs on pinned memory as
# it does without the shim (Faults E2).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need cyclictest

# The latencies differ from run to run, so only the form of the result is compared, without the
# spaces before a number: a large one has none. The test asks for no priority, because it may lack
# the rights.
shape() { sed -E 's/ *[0-9]+/N/g; s/ +/ /g' "$1" | sort -u; }
measure=(cyclictest --mlockall --quiet --threads=3 --interval=500 --loops=300)
"${measure[@]}" >plain.out 2>plain.err || fail "without the shim: $(cat plain.err)"
"${pinned[@]}" "${measure[@]}" >pinned.out 2>pinned.err || fail "pinned: $(cat pinned.err)"
diff <(shape plain.out) <(shape pinned.out) || fail 'output differs'
diff <(shape plain.err) <(without_report pinned.err | shape /dev/stdin) || fail 'stderr differs'
grep -q 'T: 2' pinned.out || fail "not three threads: $(cat pinned.out)"
used_pinned pinned.err cyclictest

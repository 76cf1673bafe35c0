#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects daemons: the shim closes no descriptor of the program, uses no low numbers, and
# goes on if the program closes the shim's descriptors. A child that executes another program
# inherits none of them (Faults B10, B11).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

ulimit -n 2048
same - "$programs/closed_fds" # which loses the report's copy of stderr, too
# Without a report, this shows that the program is on pinned memory: it works without libc's memory,
# but not with one chunk.
"${pinned[@]}" --policy fail -- "$programs/closed_fds" >out || fail "exit status $?, policy fail"
! "${pinned[@]}" --policy fail --limit 2M -- "$programs/closed_fds" >out 2>err ||
	fail 'it did not run on pinned memory'

# A child inherits no descriptor. Reports are off, because a report needs a copy of stderr, which
# would count. ls runs without the shim, so that no descriptor of its own shim counts.
# shellcheck disable=SC2016 # for the inner shell
show='sh -c "LD_PRELOAD= ls -l /proc/self/fd | grep -v total | wc -l"'
plain=$(eval "$show")
shim=$("$PINNED_BUILD/pinned-run" --backend "${TEST_BACKEND:-anon}" -- python3 -c "import os; os.system('''$show''')")
[ "$plain" -gt 2 ] || fail "a child has $plain descriptors"
[ "$plain" -eq "$shim" ] || fail "a child inherits $shim descriptors, without the shim $plain"

#!/bin/bash
# SPDX-License-Identifier: MIT
# The shim closes no descriptor of the program, leaves the low numbers to it, and
# survives the loss of its own; its children see none of them (Faults B10, B11).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

ulimit -n 2048
same - "$programs/closed_fds" # which loses the report's copy of stderr, too
# So that it is on pinned memory shows otherwise: without libc it works, but not with one chunk.
"${pinned[@]}" --policy fail -- "$programs/closed_fds" >out || fail "exit status $?, policy fail"
! "${pinned[@]}" --policy fail --limit 2M -- "$programs/closed_fds" >out 2>err ||
	fail 'it did not run on pinned memory'

# What a child inherits; without a report, whose copy of stderr counts as one here.
# shellcheck disable=SC2016 # for the inner shell
show='sh -c "ls -l /proc/self/fd | grep -v total | wc -l"'
plain=$(eval "$show")
shim=$("$PINNED_BUILD/pinned-run" --backend anon -- python3 -c "import os; os.system('''$show''')")
[ "$plain" -eq "$shim" ] || fail "a child inherits $shim descriptors, without the shim $plain"

#!/bin/bash
# SPDX-License-Identifier: MIT
# A process that filters its own system calls allocates on (Faults B8). Not
# compared with libc's malloc, which uses some of those that the filter forbids.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"

"${pinned[@]}" "$programs/sandbox" || fail "exit status $?; 159 is death by the filter"

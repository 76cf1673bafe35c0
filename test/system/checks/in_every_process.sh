#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: with the library in /etc/ld.so.preload every process of the system has it, from init on, and
# not one says anything of it (Faults B4).
. "$(dirname "$0")/../guest-common"
# A kernel thread's list is empty, which no process's is.
grep -L "$library" /proc/[0-9]*/maps >without 2>/dev/null || true
while read -r maps; do
	! grep -q . "$maps" 2>/dev/null || fail "$maps: not in $(tr '\0' ' ' <"${maps%maps}cmdline")"
done <without
has_library 1 || fail 'init does not'
no_linker_error
! journalctl -b --no-pager | grep -E '(\]|  ): pinned: ' || fail 'somebody was told something'

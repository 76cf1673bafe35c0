#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: with the library in /etc/ld.so.preload every process of the system has it, from init on, and
# not one says anything of it (Faults B4).
. "$(dirname "$0")/../guest-common"
for pid in /proc/[0-9]*; do
	[ -n "$(head -c 1 "$pid/maps" 2>/dev/null)" ] || continue
	grep -q "$library" "$pid/maps" || fail "${pid#/proc/} does not: $(tr '\0' ' ' <"$pid/cmdline")"
done
has_library 1 || fail 'init does not'
no_linker_error
! journalctl -b --no-pager | grep -E '(\]|  ): pinned: ' || fail 'somebody was told something'

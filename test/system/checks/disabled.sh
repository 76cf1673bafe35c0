#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a word on the kernel command line, or a file, boots the system without the library in any
# process, and pinnedctl reports that (Faults B6).
. "$(dirname "$0")/../guest-common"
grep -l libmalloc-pinned /proc/[0-9]*/maps >with 2>/dev/null || true
while read -r maps; do fail "$(tr '\0' ' ' <"${maps%maps}cmdline") has it"; done <with
[ "$(pinnedctl preload status)" = 'disabled in this boot' ] || fail "$(pinnedctl preload status)"
! pinnedctl preload on >out 2>err || fail 'it can be put into all processes'
grep -q 'disabled in this boot' err || fail "$(cat err)"
no_linker_error
[ "$(journalctl -b --no-pager -u malloc-pinned-off.service | grep -ciE 'fail|error')" = 0 ] || fail "$(journalctl -b -u malloc-pinned-off)"

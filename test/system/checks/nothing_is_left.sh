#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: after the purge, the next boot shows no trace of the packages: no file, no module, no
# message (Faults B5).
. "$(dirname "$0")/../guest-common"
[ ! -e /etc/ld.so.preload ] || fail 'there is still an ld.so.preload'
! find / -xdev \( -path /opt -o -path /var/log -o -path /proc \) -prune -o \( -name '*pinned*' -o -name '*malloc-pinned*' \) -print | grep . || fail 'files are left'
! grep -l libmalloc-pinned /proc/[0-9]*/maps 2>/dev/null || fail 'a process has it'
! grep -q pinned_mem /proc/modules || fail 'the driver is loaded'
no_linker_error

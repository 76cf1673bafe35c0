#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: the packages can be purged while every process uses the library. Its entry leaves
# /etc/ld.so.preload first, so that no program ever gets a message about a missing library, and
# running programs continue (Faults B5, B24).
. "$(dirname "$0")/../guest-common"
own=$(main_pid own)
[ "$(pinnedctl preload status | head -n 1)" = on ] || fail 'not on'
start_programs
systemctl stop own
rmmod pinned_mem
systemctl start own
own=$(main_pid own)
DEBIAN_FRONTEND=noninteractive apt-get -qy purge libmalloc-pinned libpinned1 pinned-mem-tools pinned-mem-dkms >out 2>err || fail "purge: $(cat out err)"
all_programs_started
! grep -E 'ld\.so|pinned: ' err || fail 'apt was told something'
[ ! -e /etc/ld.so.preload ] || fail "left: $(cat /etc/ld.so.preload)"
[ ! -e $library ] || fail 'the library is still there'
{ [ "$(main_pid own)" = "$own" ] && systemctl is-active -q own; } || fail 'the running program has ended'
systemctl daemon-reexec
! grep -q libmalloc-pinned /proc/1/maps || fail 'init has it still'
no_linker_error

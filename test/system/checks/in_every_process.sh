#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: with the library in /etc/ld.so.preload every process of the system loads it, from init
# on, and none prints a message about it (Faults B4).
. "$(dirname "$0")/../guest-common"
all_have_library
has_library 1 || fail 'init does not'
no_linker_error
! journalctl -b --no-pager | grep -E '(\]|  ): pinned: ' || fail 'somebody was told something'

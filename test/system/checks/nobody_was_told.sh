#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: during this whole boot no program got the dynamic linker's message that the library
# cannot be loaded, except programs of another architecture, and none printed a message about pinned
# memory (Faults B4, B24).
. "$(dirname "$0")/../guest-common"
no_linker_error
! journalctl -b --no-pager | grep -E '\]: pinned: ' || fail 'a service was told something'
[ -z "$(systemctl list-units --state=failed --no-legend)" ] || fail "$(systemctl list-units --state=failed)"
[ "$(systemctl is-system-running)" = running ] || fail "$(systemctl is-system-running)"
! journalctl -b -k --no-pager | grep -E 'segfault|general protection|BUG:|WARNING:' || fail 'something has crashed'

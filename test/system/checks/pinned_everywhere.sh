#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a system with all programs on pinned memory starts as without the library, and all
# programs that started after the driver are on pinned memory.
. "$(dirname "$0")/../guest-common"
on=$(grep -l pinned_mem /proc/[0-9]*/maps 2>/dev/null | wc -l || true)
echo "$on processes on pinned memory; $(pinnedctl status | tr '\n' ';')"
for unit in cron nginx ssh own; do
	grep -q pinned_mem "/proc/$(main_pid $unit)/maps" || fail "$unit is not: $(journalctl -b -u $unit --no-pager | grep pinned:)"
done
no_linker_error
! journalctl -b -k --no-pager | grep -E 'segfault|BUG:|WARNING:|type=1326' || fail 'something has crashed'

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: nginx, redis and one's own program, which the configuration names, are on the driver's memory, and nobody else.
. "$(dirname "$0")/../guest-common"
pinnedctl config check || fail 'the configuration is wrong'
pinnedctl top >table || fail 'pinnedctl top'
cat table
on_pinned() { grep -q '/dev/pinned_mem\|anon_inode:.*pinned\|pinned_mem' "/proc/$1/maps"; }
for unit in nginx redis-server own; do
	systemctl is-active -q $unit || fail "$unit does not run: $(journalctl -b -u $unit --no-pager | tail -n 5)"
	on_pinned "$(main_pid $unit)" || fail "$unit is not on pinned memory"
done
named=" $(main_pid own) $(main_pid redis-server) $(pgrep -d ' ' -x nginx) "
for pid in /proc/[0-9]*; do
	pid=${pid#/proc/}
	case $named in *" $pid "*) continue ;; esac
	! on_pinned "$pid" 2>/dev/null || fail "$pid is on pinned memory too: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
done
for unit in own redis-server; do
	pinnedctl stats "$(main_pid $unit)" >figures || fail "$unit: no figures"
	grep -q device figures || fail "$unit: $(head -n 3 figures)"
done

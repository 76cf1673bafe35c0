#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: nginx, redis and an example program, which the configuration names, are on the driver's
# memory, and no other program is.
. "$(dirname "$0")/../guest-common"
pinnedctl config check || fail 'the configuration is wrong'
pinnedctl top >table || fail 'pinnedctl top'
cat table
for unit in nginx redis-server own; do
	systemctl is-active -q $unit || fail "$unit does not run: $(journalctl -b -u $unit --no-pager | tail -n 5)"
	grep -q pinned_mem "/proc/$(main_pid $unit)/maps" || fail "$unit is not on pinned memory"
done
named=" $(main_pid own) $(main_pid redis-server) $(pgrep -d ' ' -x nginx) "
while IFS=/ read -r _ _ pid _; do
	case $named in *" $pid "*) continue ;; esac
	fail "$pid is on pinned memory too: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
done < <(grep -l pinned_mem /proc/[0-9]*/maps 2>/dev/null)
for unit in own redis-server; do
	pinnedctl stats "$(main_pid $unit)" >figures || fail "$unit: no figures"
	grep -q device figures || fail "$unit: $(head -n 3 figures)"
done

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: while programs use its memory, the driver cannot be unloaded. When the device node
# disappears, running programs continue, and new ones use ordinary memory or, if so configured, do
# not start. When the node is back, new programs are on pinned memory again (Faults A18, B7, B32).
. "$(dirname "$0")/../guest-common"
own=$(main_pid own)
! rmmod pinned_mem 2>err || fail 'the driver was unloaded under programs'
grep -q 'in use' err || fail "$(cat err)"
rm /dev/pinned_mem
[ "$(python3 -c 'print(6 * 7)')" = 42 ] || fail 'who passes through'
MALLOC_PINNED_CONF=policy:fallback python3 -c 'print(6 * 7)' >out 2>err
{ [ "$(cat out)" = 42 ] && [ "$(wc -l <err)" = 1 ]; } || fail "fallback: $(cat out err)"
curl -sf http://127.0.0.1/ >page || fail 'nginx does not serve'
{ systemctl reload nginx && curl -sf http://127.0.0.1/ >page; } || fail 'nginx does not serve after a reload'
for i in $(seq 100); do echo "SET more:$i $(printf '%0*d' $((i * 500)) "$i")"; done | redis-cli --pipe >out || fail "redis: $(cat out)"
[ "$(redis-cli strlen more:90)" = 45000 ] || fail 'redis has lost something'
{ [ "$(main_pid own)" = "$own" ] && systemctl is-active -q own; } || fail "one's own program has ended"
# systemd reports why a program did not start that must not run without the device.
systemctl restart own || true
wait_until sh -c '! systemctl is-active -q own'
journalctl -b -u own --no-pager | grep -q 'pinned: .*the program does not start' || fail 'nobody knows why'

systemctl restart nginx redis-server || fail 'a restart without the device fails'
! grep -q pinned_mem "/proc/$(main_pid redis-server)/maps" || fail 'redis has found it'
wait_until redis-cli ping
systemctl reset-failed own
unused() { rmmod pinned_mem; }
wait_until unused
modprobe pinned_mem
# shellcheck disable=SC2016 # for the inner shell
wait_until sh -c '[ "$(stat -c %a:%G /dev/pinned_mem 2>/dev/null)" = 660:pinned ]'
systemctl restart nginx redis-server own || fail 'a restart with the device fails'
for unit in nginx redis-server own; do
	wait_until grep -q pinned_mem "/proc/$(main_pid $unit)/maps"
done
! journalctl -b -k --no-pager | grep -E 'BUG:|WARNING:|Oops' || fail 'the kernel complains'

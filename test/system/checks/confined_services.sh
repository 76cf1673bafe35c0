#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: services that systemd confines run as without the library: resolved, networkd, journald
# and logind, and programs under each option that takes a right away, including system call filters;
# no process is killed (Faults B7-B9).
. "$(dirname "$0")/../guest-common"
for unit in systemd-resolved systemd-networkd systemd-journald systemd-logind systemd-udevd dbus cron ssh; do
	systemctl is-active -q $unit || fail "$unit does not run"
	has_library "$(main_pid $unit)" || fail "$unit does not have the library"
done
networkctl --no-pager --no-legend | grep -q routable || fail "$(networkctl --no-pager)"
[ "$(resolvectl query --legend=no localhost | grep -c 127.0.0.1)" = 1 ] || fail "resolved: $(resolvectl query localhost)"
systemctl restart systemd-resolved systemd-networkd || fail 'cannot be restarted'

work='import hashlib, threading
threads = [threading.Thread(target=lambda: sum(len(bytearray(i * 37)) for i in range(2000))) for _ in range(3)]
[t.start() for t in threads]; [t.join() for t in threads]
print(hashlib.sha256(b"x" * 3000000).hexdigest())'
expected=$(without_library python3 -c "$work")
tried=0
confined() {  # OPTION...: for systemd-run
	local option options=()
	for option; do options+=(-p "$option"); done
	systemd-run --wait --pipe --quiet --collect "${options[@]}" python3 -c "$work" >out 2>err </dev/null || fail "$*: $(cat out err)"
	[ "$(cat out)" = "$expected" ] || fail "$*: $(cat out)"
	[ ! -s err ] || fail "$* says: $(cat err)"
	tried=$((tried + 1))
}
confined PrivateDevices=yes
confined DevicePolicy=closed
confined MemoryDenyWriteExecute=yes
confined SystemCallFilter=@system-service
confined SystemCallFilter=~@privileged SystemCallErrorNumber=EPERM
confined NoNewPrivileges=yes ProtectSystem=strict ProtectHome=yes PrivateTmp=yes
confined RestrictNamespaces=yes RestrictRealtime=yes RestrictSUIDSGID=yes LockPersonality=yes
confined RestrictAddressFamilies=AF_UNIX PrivateNetwork=yes
confined DynamicUser=yes ProtectProc=invisible ProcSubset=pid
confined ProtectKernelTunables=yes ProtectKernelModules=yes ProtectControlGroups=yes ProtectClock=yes
confined PrivateUsers=yes CapabilityBoundingSet= AmbientCapabilities=
confined LimitAS=256M
confined MemoryMax=128M TasksMax=16
confined LimitNOFILE=16
confined TemporaryFileSystem=/etc BindReadOnlyPaths=/etc/ld.so.cache
echo "$tried options"

# man applies a system call filter to its helpers.
man -P cat pinnedctl >out 2>err || fail "man: $(cat err)"
grep -q ld.so.preload out || fail 'man shows no page'
[ ! -s err ] || fail "man says: $(cat err)"
! journalctl -b -k --no-pager | grep 'type=1326' || fail 'a filter of system calls has killed'

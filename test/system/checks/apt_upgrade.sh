#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: apt can upgrade the library while it is in every process and some are on pinned memory:
# no process is killed or gets a message, programs can be started at any moment, and programs
# started afterwards load the new library (Faults B24).
. "$(dirname "$0")/../guest-common"
own=$(main_pid own)
grep -q pinned_mem "/proc/$own/maps" || fail "one's own program is not on pinned memory"
redis-cli set kept "$(printf '%0100000d' 7)" >out
mkdir -p parts
echo 'deb [trusted=yes] file:/mnt/repository ./' >parts/local.list
options=(-o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$PWD/parts")
chmod 755 . parts
before=$(dpkg-query -W -f '${Version}' libmalloc-pinned)
apt-get "${options[@]}" -q update >out 2>err || fail "update: $(cat err)"

start_programs
DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" -qy upgrade >out 2>err || fail "upgrade: $(cat out err)"
all_programs_started
! grep -E 'ld\.so|pinned: ' out err || fail 'apt was told something'
[ "$(dpkg-query -W -f '${Version}' libmalloc-pinned)" = "$before+next" ] || fail "not upgraded: $(cat out)"
[ "$(pinnedctl preload status | head -n 1)" = on ] || fail 'the upgrade took it out'

grep -q "$library (deleted)" "/proc/$own/maps" || fail 'the running program does not have the old library'
{ [ "$(main_pid own)" = "$own" ] && systemctl is-active -q own; } || fail 'the running program has ended'
grep -q pinned_mem "/proc/$own/maps" || fail 'it is not on pinned memory any more'
[ "$(redis-cli strlen kept)" = 100000 ] || fail 'redis has lost something'
grep "$library" /proc/self/maps | grep -q deleted && fail 'a new program has the old library'
has_library self || fail 'a new program does not have the library'
systemctl daemon-reexec || fail 'init cannot start itself anew'
wait_until has_library 1
! grep "$library" /proc/1/maps | grep -q deleted || fail 'init has the old library'
systemctl restart own
wait_until grep -q pinned_mem "/proc/$(main_pid own)/maps"
# This boot uses a configuration file of its own, which differs from the package's.
dpkg --verify libmalloc-pinned libpinned1 pinned-mem-tools | grep -v ' c /etc/malloc-pinned\.conf$' >out || true
[ ! -s out ] || fail "dpkg: $(cat out)"

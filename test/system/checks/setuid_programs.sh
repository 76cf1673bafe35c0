#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: su, sudo and ping work, and users who start them cannot configure the library in them
# (Faults B3).
. "$(dirname "$0")/../guest-common"
chmod 777 .
[ "$(as_user sudo id -un 2>err)" = root ] || fail "sudo: $(cat err)"
[ ! -s err ] || fail "sudo says: $(cat err)"
[ "$(as_user sudo grep -c 'r-xp.*libmalloc-pinned' /proc/self/maps)" = 1 ] || fail 'what sudo starts does not have the library'
getcap /bin/ping | grep -q cap_net_raw || fail 'ping has no privileges here'
as_user ping -c 1 -W 20 127.0.0.1 >out 2>err || fail "ping: $(cat out err)"
[ ! -s err ] || fail "ping says: $(cat err)"

# A hostile configuration for a program that raises its privileges: a report to stderr, a profile to
# a file.
hostile="backend:anon,report:1,policy:fail,profile:1,profile_file:$PWD/stolen,nonsense"
as_user env MALLOC_PINNED_CONF="$hostile" /bin/ping -V >out 2>err || true
as_user env MALLOC_PINNED_CONF="$hostile" /usr/bin/sudo -V >out 2>err.sudo || true
as_user env MALLOC_PINNED_CONF="$hostile" /bin/su --version >out 2>err.su || true
for file in err.sudo err.su; do [ ! -s $file ] || fail "it listens: $(cat $file)"; done
[ -z "$(ls stolen* 2>/dev/null)" ] || fail 'a file was written'
# Without raised privileges the library obeys the same configuration, whose effect is visible.
as_user env MALLOC_PINNED_CONF="$hostile" /bin/true 2>err || fail "true: $(cat err)"
grep -q '^pinned: ' err || fail "an ordinary program says nothing of it: $(cat err)"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a program that an AppArmor profile keeps from the device runs on ordinary memory; one that passes through does
# not even ask for it, so the audit log stays as it was (Faults B31).
. "$(dirname "$0")/../guest-common"
cp /bin/sort /opt/own/confined
cat >profile <<'PROFILE'
#include <tunables/global>
/opt/own/confined {
  #include <abstractions/base>
  /opt/own/confined mr,
  /usr/lib/** mr,
  /proc/** r,
  /tmp/** rw,
  deny /etc/shadow r,
}
PROFILE
apparmor_parser -r profile || fail 'no AppArmor here'
denied() { journalctl -b --no-pager | grep -c 'apparmor="DENIED".*/opt/own/confined' || true; }
seq 100000 | shuf >numbers
sort -n numbers >expected
before=$(denied)
/opt/own/confined -n <numbers >out 2>err || fail "passing through: $(cat err)"
cmp out expected
[ ! -s err ] || fail "it says: $(cat err)"
echo "denied: $(($(denied) - before))"
[ "$(journalctl -b --no-pager | grep 'apparmor="DENIED".*/opt/own/confined' | grep -c pinned_mem || true)" = 0 ] || fail 'it asked for the device'
MALLOC_PINNED_CONF=policy:fallback /opt/own/confined -n <numbers >out 2>err || fail "on pinned memory: $(cat err)"
cmp out expected
{ [ "$(grep -c '^pinned: ' err)" = 1 ] && [ "$(wc -l <err)" = 1 ]; } || fail "not one line: $(cat err)"
apparmor_parser -R profile

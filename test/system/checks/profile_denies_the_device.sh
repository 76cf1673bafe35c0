#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a program that an AppArmor profile keeps from the device runs on ordinary memory; one that passes through asks for
# nothing that profiles deny, so that the log of what was denied stays as it was (Faults B31).
. "$(dirname "$0")/../guest-common"
cp /bin/sort /opt/own/confined
cat >profile <<'PROFILE'
#include <tunables/global>
/opt/own/confined {
  #include <abstractions/base>
  /opt/own/confined mr,
  /usr/lib/** mr,
  /opt/results/** rw,
  deny /etc/shadow r,
}
PROFILE
apparmor_parser -r profile || fail 'no AppArmor here'
denied() { journalctl -b --no-pager | grep -c 'apparmor="DENIED".*/opt/own/confined' || true; }
seq 100000 | shuf >numbers
sort -n numbers >expected
before=$(denied)
# By pipes: a file that was opened outside of its mount namespace has no path to judge by.
without_library /opt/own/confined -n < <(cat numbers) | cat >out
of_itself=$(($(denied) - before))
before=$(denied)
/opt/own/confined -n <numbers >out 2>err || fail "passing through: $(cat err)"
cmp out expected
[ ! -s err ] || fail "it says: $(cat err)"
[ $(($(denied) - before)) = $of_itself ] || fail "it was denied something: $(journalctl -b --no-pager | grep 'apparmor="DENIED".*/opt/own/confined' | tail -n 3)"
MALLOC_PINNED_CONF=policy:fallback /opt/own/confined -n <numbers >out 2>err || fail "on pinned memory: $(cat err)"
cmp out expected
{ [ "$(grep -c '^pinned: ' err)" = 1 ] && [ "$(wc -l <err)" = 1 ]; } || fail "not one line: $(cat err)"
apparmor_parser -R profile
# All that has a profile in this system has run by now, tcpdump and man among them.
man -P cat pinnedctl >out 2>err || fail "man: $(cat err)"
! journalctl -b --no-pager | grep -E 'apparmor="DENIED".*malloc-pinned' || fail 'others were denied it'

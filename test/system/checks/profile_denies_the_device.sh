#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a program whose AppArmor profile denies it the device runs on ordinary memory. A program
# that passes through requests nothing that profiles deny, so the log contains no additional denials
# (Faults B31).
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
# Uses pipes, since AppArmor has no path for a file that was opened outside the mount namespace.
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
# By now all programs with a profile have run, including tcpdump and man.
man -P cat pinnedctl >out 2>err || fail "man: $(cat err)"
! journalctl -b --no-pager | grep -E 'apparmor="DENIED".*malloc-pinned' || fail 'others were denied it'

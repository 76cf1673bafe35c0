#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: users can log in as without the library, on the console, by su, by login and by ssh
# through sshd's sandbox, and the programs that they start load it (Faults B8, B10).
. "$(dirname "$0")/../guest-common"
chmod 755 .

# Tests agetty, login, PAM and the user's shell on the second serial line.
on_terminal() { pgrep -t ttyS1 -u tester -x bash >pids; }
wait_until on_terminal
has_library "$(head -n 1 pids)" || fail 'the shell on the terminal does not have the library'

su - tester -c 'id -un; grep -c "r-xp.*libmalloc-pinned" /proc/self/maps' >out 2>err || fail "su: $(cat err)"
[ "$(tr '\n' ' ' <out)" = 'tester 1 ' ] || fail "su: $(cat out)"
[ ! -s err ] || fail "su says: $(cat err)"
script -qec 'login -f tester' /dev/null <<<'id -un; exit' >out || fail "login: $(cat out)"
grep -q '^tester' out || fail "login: $(cat out)"

systemctl is-active -q ssh || fail 'sshd does not run'
as_user ssh -i /home/tester/.ssh/id_ed25519 localhost 'grep -c r-xp.*libmalloc-pinned /proc/self/maps; seq 200000 | sort -rn | head -n 1' >out 2>err ||
	fail "ssh: $(cat err)"
[ "$(tr '\n' ' ' <out)" = '1 200000 ' ] || fail "ssh: $(cat out)"
[ ! -s err ] || fail "ssh says: $(cat err)"
dd if=/dev/urandom of=blob bs=1M count=4 status=none && chmod 644 blob
as_user scp -q -i /home/tester/.ssh/id_ed25519 "$PWD/blob" localhost:/tmp/blob || fail 'scp fails'
cmp blob /tmp/blob
# The kernel logs processes that seccomp has killed.
! journalctl -b -k --no-pager | grep 'type=1326' || fail 'a filter of system calls has killed'

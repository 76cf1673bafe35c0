#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: gdb, strace and valgrind work on programs that load the library. Programs with
# AddressSanitizer run in the way that doc/limits.md describes, and find errors (Faults B22).
. "$(dirname "$0")/../guest-common"
gdb -q -batch -ex 'break malloc' -ex run -ex 'bt 2' -ex kill --args /bin/ls / >out 2>err </dev/null || fail "gdb: $(cat out err)"
grep -qE '#0 .*malloc' out || fail "gdb does not stop in malloc: $(cat out err)"
pid=$(main_pid own)
gdb -q -batch -p "$pid" -ex 'info threads' -ex detach >out 2>err </dev/null || fail "gdb: $(cat err)"
[ "$(grep -c 'LWP' out)" -ge 2 ] || fail "gdb sees no threads: $(cat out)"
systemctl is-active -q own || fail 'the program that gdb was attached to has died'
strace -f -o trace sh -c 'seq 10 | tail -n 1' >out || fail 'strace'
{ [ "$(cat out)" = 10 ] && grep -q 'exited with 0' trace; } || fail 'strace shows nothing'
valgrind -q --error-exitcode=9 --leak-check=full /bin/echo hello >out 2>err || fail "valgrind: $(cat err)"
[ "$(cat out)" = hello ] || fail "valgrind: $(cat out)"

export ASAN_OPTIONS=verify_asan_link_order=0
same /opt/own/sanitized
! /opt/own/sanitized overflow >out 2>err || fail 'the sanitizer finds nothing'
grep -q 'heap-buffer-overflow' err || fail "the sanitizer: $(cat err)"

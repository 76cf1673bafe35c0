#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a Java program, with its threads, its compiler and buffers outside its heap, behaves as
# without the library. If the configuration names the program, and only then, these buffers are on
# pinned memory.
. "$(dirname "$0")/../guest-common"
program=(java -Xmx64m -XX:MaxDirectMemorySize=32m --add-exports java.base/sun.nio.ch=ALL-UNNAMED -cp /opt/own Buffers)
same "${program[@]}"
[ "$(wc -l <out)" = 3 ] || fail "not its sums: $(cat out err)"
pinned='0 of 24'
! grep -q '/usr/lib/jvm' /etc/malloc-pinned.conf || pinned='24 of 24'
"${program[@]}" pinned_mem >out 2>err || fail "$(cat err)"
{ [ "$(cat out)" = "$pinned" ] && [ ! -s err ]; } || fail "on pinned memory are $(cat out err), not $pinned"

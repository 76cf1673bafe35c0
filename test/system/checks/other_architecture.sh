#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a program of an architecture for which the library is not installed runs; its standard
# error shows the dynamic linker's line that pinnedctl(1) describes, and nothing else (Faults B23).
. "$(dirname "$0")/../guest-common"
cat >program.c <<'PROGRAM'
extern int puts(const char *text);
extern void *malloc(unsigned int size);
extern void exit(int status);
void _start(void) { puts(malloc(100) ? "32 bits" : "nothing"); exit(5); }
PROGRAM
gcc -m32 -O1 -fno-pic -fno-builtin -fno-stack-protector -c program.c
ld -m elf_i386 -dynamic-linker /lib/ld-linux.so.2 -o program program.o /lib32/libc.so.6
status=0
./program >out 2>err || status=$?
{ [ $status = 5 ] && [ "$(cat out)" = '32 bits' ]; } || fail "exit status $status: $(cat out err)"
[ "$(wc -l <err)" -le 1 ] || fail "it says more than a line: $(cat err)"
[ ! -s err ] || grep -q "^ERROR: ld.so: object .*libmalloc-pinned.so.* cannot be preloaded" err || fail "it says: $(cat err)"

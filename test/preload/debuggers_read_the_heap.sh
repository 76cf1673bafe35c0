#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of gdb and strace: both run a program under the shim, and gdb can read the
# program's heap (Faults B22, A21).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need gdb strace

cat >program.c <<'PROGRAM'
#include <stdlib.h>
#include <string.h>

char *text;

static void stop_here(void)
{
	__asm__ volatile("");
}

int main(void)
{
	text = malloc(100);
	strcpy(text, "in the heap");
	stop_here();
	free(text);
	return 3;
}
PROGRAM
"$cc" -g -O0 -o program program.c
expect=3 same program strace -f -o trace ./program
"${pinned[@]}" gdb -nx -batch -ex 'set startup-with-shell off' -ex 'set debuginfod enabled off' \
	-ex 'break stop_here' -ex run -ex up -ex 'print (char *)text' -ex continue ./program >out 2>err || true
used_pinned err program
grep -q '"in the heap"' out || fail "$(cat out err)"
grep -q 'exited with code 03' out || fail "$(cat out err)"

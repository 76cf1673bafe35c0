#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of valgrind, which replaces malloc by its name: valgrind runs a program under the
# shim and finds what it finds without the shim (Faults B22).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need valgrind

cat >program.c <<'PROGRAM'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	char *volatile objects[50], *volatile object;

	for (int i = 0; i < 50; i++)
		objects[i] = malloc(i * i * 100 + 1);
	for (int i = 0; i < 50; i++)
		free(objects[i]);
	object = calloc(10, 10);
	if (argc > 1 && !strcmp(argv[1], "leak"))
		object = NULL;
	if (argc > 1 && !strcmp(argv[1], "overrun"))
		object[100] = 1;
	free(object);
	puts("done");
	return 0;
}
PROGRAM
"$cc" -g -O0 -fno-builtin -o program program.c
check=(valgrind -q --leak-check=full --error-exitcode=9 --log-file=valgrind.log ./program)
same - "${check[@]}"
[ ! -s valgrind.log ] || fail "$(cat valgrind.log)"
expect=9 same - "${check[@]}" leak
grep -q '100 bytes in 1 blocks are definitely lost' valgrind.log || fail "$(cat valgrind.log)"
expect=9 same - "${check[@]}" overrun
grep -q 'Invalid write' valgrind.log || fail "$(cat valgrind.log)"

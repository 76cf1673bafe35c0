#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs that the shim cannot serve, those with another C library and static ones:
# they run as if the shim were not there (Faults B18).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need musl-gcc gcc

cat >program.c <<'PROGRAM'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t sum = 0;

	for (size_t size = 1; size < 64 << 20; size *= 3) {
		char *object = realloc(calloc(1, size), size * 2);

		if (!object)
			return 3;
		memset(object, 1, size * 2);
		sum += object[size * 2 - 1];
		free(object);
	}
	char *text = strdup(argc > 1 ? argv[1] : "nothing");
	printf("%s %zu\n", text, sum);
	free(text);
	return 5;
}
PROGRAM
musl-gcc -o with_musl program.c
gcc -static -o static_glibc program.c
gcc -static-pie -o static_pie program.c
musl-gcc -static -o static_musl program.c
expect=5 aside "the program's C library is not glibc" ./with_musl word
# Quiet, because pinned-run would say that the programs are static.
pinned+=(--quiet)
for program in static_glibc static_pie static_musl; do
	expect=5 same - "./$program" word
	! grep -q "program=$program" pinned.err || fail "$program reported: $(cat pinned.err)"
done

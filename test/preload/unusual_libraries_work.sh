#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects programs with unusual libraries: the shim works with libraries that are opened late,
# with an auditing library, and with a program that defines malloc itself (Faults B1, B2, B16, B25,
# E30).
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc" readelf
shim=$PINNED_BUILD/lib/libmalloc-pinned.so

"$cc" -shared -fPIC -DLIBRARY -o liblate.so "$PINNED_SOURCE/test/preload/programs/libraries_opened_late.c"
same libraries_opened_late "$programs/libraries_opened_late"

# A shim that is opened late fits into the dynamic linker's surplus of static TLS, and does no harm.
"$programs/libraries_opened_late" "$shim"
MALLOC_PINNED_CONF=backend:anon "$programs/libraries_opened_late" "$shim"
tls=$(readelf -lW "$shim" | awk '$1 == "TLS" { print $6 }')
[ $((${tls:-0})) -le 256 ] || fail "the shim has $tls bytes of static TLS"

cat >audit.c <<'LIBRARY'
unsigned int la_version(unsigned int version) { return version; }
LIBRARY
"$cc" -shared -fPIC -o audit.so audit.c
export LD_AUDIT=$PWD/audit.so
same sort sort "$shim"
unset LD_AUDIT
export LD_BIND_NOW=1
same sort sort "$shim"
unset LD_BIND_NOW

# A malloc that the program defines wins, also for calls from libraries.
cat >own.c <<'PROGRAM'
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static char heap[1 << 20];
static size_t used, calls;

void *malloc(size_t size)
{
	void *object = heap + used;

	calls++;
	used += (size + 31) & ~(size_t)15;
	return used <= sizeof(heap) ? object : NULL;
}

void *calloc(size_t count, size_t size)
{
	return malloc(count * size);
}

void *realloc(void *object, size_t size)
{
	void *moved = malloc(size);

	if (moved && object)
		memcpy(moved, object, size);
	return moved;
}

void free(void *object)
{
	if (object && ((char *)object < heap || (char *)object >= heap + sizeof(heap)))
		__builtin_trap();
}

int main(void)
{
	char *text = strdup("mine");
	size_t before = calls;

	free(text);
	free(malloc(10));
	printf("%s %zu\n", text, calls - before);
	return text < heap || text >= heap + sizeof(heap);
}
PROGRAM
"$cc" -fno-builtin -o own own.c
aside 'the program has a malloc of its own' ./own

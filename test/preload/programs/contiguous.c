// SPDX-License-Identifier: MIT
/*
 * With the key contiguous:4M, counts large objects that are pinned and those that are libc's. Every
 * pinned one of at least 4 MiB, also after it has grown by realloc in small steps, is one physical
 * extent; on a backend without contiguous runs it is libc's. Objects of up to 2 MiB are always pinned.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/check.h"
#include "pinned.h"

#define MIB ((size_t)1 << 20)

static __typeof__(&pinned_owns) owns;
static __typeof__(&pinned_v2p_sg) v2p_sg;
static int pinned, ordinary;

static void check_object(const char *object, size_t size, int has_phys)
{
	struct pinned_extent extents[8];

	CHECK(object);
	if (!owns(object)) {
		CHECK(size > 2 * MIB);
		ordinary++;
		return;
	}
	if (size < 4 * MIB)
		return;
	pinned++;
	CHECK(has_phys);
	CHECK(v2p_sg(object, size, extents, 8) == 1);
}

static void grow(int has_phys)
{
	char *object = malloc(2 * MIB + 1);

	for (size_t size = 2 * MIB + 1; size < 7 * MIB; size += MIB / 2) {
		object = realloc(object, size);
		check_object(object, size, has_phys);
		memset(object + size - MIB / 2, (int)(size / MIB), MIB / 2);
		CHECK(object[size - 1] == (char)(size / MIB));
	}
	/* Shrunk and grown again within its chunks, it is still contiguous. */
	object = realloc(object, 3 * MIB);
	object = realloc(object, 4 * MIB);
	check_object(object, 4 * MIB, has_phys);
	free(object);
}

int main(int argc, char **argv)
{
	int has_phys = argc > 1 && !strcmp(argv[1], "device");
	void *libpinned = dlopen("libpinned.so.1", RTLD_NOW | RTLD_NOLOAD);

	CHECK(libpinned);
	owns = (__typeof__(owns))dlsym(libpinned, "pinned_owns");
	v2p_sg = (__typeof__(v2p_sg))dlsym(libpinned, "pinned_v2p_sg");
	CHECK(owns && v2p_sg);
	for (int round = 0; round < 3; round++) {
		for (size_t size = MIB; size <= 12 * MIB; size += MIB) {
			char *object = round % 2 ? calloc(1, size) : malloc(size);
			void *aligned = aligned_alloc(4 * MIB, size);

			check_object(object, size, has_phys);
			/* An alignment of two chunks makes a small request one of two chunks. */
			check_object(aligned, size > 2 * MIB ? size : 2 * MIB + 1, has_phys);
			free(object);
			free(aligned);
		}
		grow(has_phys);
	}
	printf("pinned=%d ordinary=%d\n", pinned, ordinary);
	return 0;
}

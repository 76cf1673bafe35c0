// SPDX-License-Identifier: MIT
/*
 * Protects an object of the C library that lies between pinned objects: malloc_usable_size(),
 * realloc() and free() treat it as the C library's, and pinned memory that is claimed later leaves
 * it alone.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../../lib/check.h"
#include "pinned.h"

#define MIB ((size_t)1 << 20)
#define SIZE (600 * 1024)

extern void *__libc_malloc(size_t size);
extern __typeof__(pinned_owns) pinned_owns __attribute__((weak));

/* Returns addresses that were pinned memory and are unmapped now. */
static char *find_hole(void)
{
	char *large = malloc(200 * MIB);

	CHECK(large && pinned_owns(large));
	free(large);
	malloc_trim(0);
	CHECK(!pinned_owns(large + 100 * MIB));
	return large + 100 * MIB;
}

/* Moves a mapped object of the C library, including its header, into the hole. */
static char *move_object(char *hole)
{
	char *object = __libc_malloc(SIZE), *moved;
	size_t size = malloc_usable_size(object) + 16;

	CHECK(object && (uintptr_t)object % 4096 == 16);
	moved = mremap(object - 16, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, hole);
	CHECK(moved == hole);
	return moved + 16;
}

static void use_memory_around(const char *object)
{
	static char *objects[40];

	for (size_t i = 0; i < 40; i++) {
		objects[i] = malloc(8 * MIB);
		CHECK(objects[i]);
		CHECK(objects[i] + 8 * MIB <= object || objects[i] >= object + SIZE);
		memset(objects[i], 1, 8 * MIB);
	}
	for (size_t i = 0; i < 40; i++)
		free(objects[i]);
}

static void check(const char *object)
{
	CHECK(!pinned_owns(object));
	CHECK(malloc_usable_size((void *)object) >= SIZE);
	for (size_t i = 0; i < SIZE; i++)
		CHECK(object[i] == 0x5a);
}

static char *place(char *hole)
{
	char *object = move_object(hole);

	memset(object, 0x5a, SIZE);
	check(object);
	return object;
}

int main(void)
{
	char *hole = find_hole(), *object;

	/*
	 * Fix the threshold, which the C library would otherwise change when it frees a mapped
	 * object.
	 */
	CHECK(mallopt(M_MMAP_THRESHOLD, 128 * 1024));
	object = place(hole);
	errno = EDOM;
	free(object);
	CHECK(errno == EDOM);
	object = place(hole);
	use_memory_around(object);
	check(object);
	object = realloc(object, 2 * SIZE);
	CHECK(object);
	for (size_t i = 0; i < SIZE; i++)
		CHECK(object[i] == 0x5a);
	free(object);
	return 0;
}

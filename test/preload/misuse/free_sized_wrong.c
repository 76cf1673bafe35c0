// SPDX-License-Identifier: MIT
/*
 * Each size with which the object may have been allocated is accepted, also after a realloc() that
 * did not move the object; any other size ends the program (Faults B34).
 * Expected: free_sized(): wrong size or alignment for
 */
#include <malloc.h>
#include <stdlib.h>

#include "../../lib/check.h"

extern void free_sized(void *ptr, size_t size) __attribute__((weak));

int main(void)
{
	void *object;

	CHECK(free_sized);
	free_sized(NULL, 100);
	for (size_t size = 0; size < 40000; size += 1 + size / 50) {
		free_sized(malloc(size), size);
		free_sized(calloc(1, size), size);
		free_sized(realloc(malloc(100), size + 1), size + 1);
		object = malloc(size);
		free_sized(object, malloc_usable_size(object));
	}
	for (size_t size = 40000; size < 9000000; size += size / 7) {
		free_sized(malloc(size), size);
		free_sized(realloc(malloc(size), size * 9 / 10), size * 9 / 10);
		free_sized(realloc(malloc(size), size / 3), size / 3);
	}
	object = malloc(100);
	dprintf(STDOUT_FILENO, "%p\n", object);
	free_sized(opaque(object), 20);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Each size and alignment with which the object may have been allocated is accepted; any other one
 * ends the program (Faults B34).
 * Expected: free_aligned_sized(): wrong size or alignment for
 */
#include <malloc.h>
#include <stdlib.h>

#include "../../lib/check.h"

extern void free_aligned_sized(void *ptr, size_t alignment, size_t size) __attribute__((weak));

int main(void)
{
	void *object;

	CHECK(free_aligned_sized);
	free_aligned_sized(NULL, 64, 100);
	for (size_t alignment = 1; alignment <= 8 << 20; alignment *= 2)
		for (size_t size = 0; size < 9000000; size += 1 + size / 3)
			free_aligned_sized(aligned_alloc(alignment, size), alignment, size);
	do
		object = aligned_alloc(64, 100);
	while (!((unsigned long)object % 4096));
	dprintf(STDOUT_FILENO, "%p\n", object);
	free_aligned_sized(opaque(object), 4096, 100);
	return 0;
}

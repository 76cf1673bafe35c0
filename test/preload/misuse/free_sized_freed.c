// SPDX-License-Identifier: MIT
/*
 * An object that was freed is freed again with its size (Faults B34).
 * Expected: free_sized(): double free of
 */
#include <stdlib.h>

#include "../../lib/check.h"

extern void free_sized(void *ptr, size_t size) __attribute__((weak));

int main(void)
{
	void *object = malloc(100);

	CHECK(free_sized);
	dprintf(STDOUT_FILENO, "%p\n", object);
	free_sized(object, 100);
	free_sized(opaque(object), 100);
	return 0;
}

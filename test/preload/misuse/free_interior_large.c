// SPDX-License-Identifier: MIT
/*
 * A pointer into the middle of a large object, to the start of one of its chunks, is freed (Faults
 * B34).
 * Expected: free(): invalid pointer
 */
#include <stdlib.h>

#include "../../lib/check.h"

int main(void)
{
	char *object = (char *)malloc(10 << 20) + (4 << 20);

	dprintf(STDOUT_FILENO, "%p\n", object);
	free(opaque(object));
	return 0;
}

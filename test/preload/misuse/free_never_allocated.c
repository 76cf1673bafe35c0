// SPDX-License-Identifier: MIT
/*
 * An address of the arena that no allocation returned is freed (Faults B34).
 * Expected: free(): invalid pointer
 */
#include <stdlib.h>

#include "../../lib/check.h"

int main(void)
{
	char *object = (char *)malloc(100) + (16UL << 20);

	dprintf(STDOUT_FILENO, "%p\n", object);
	free(opaque(object));
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * A pointer into the middle of a small object is freed (Faults B34).
 * Expected: free(): invalid pointer
 */
#include <stdlib.h>

#include "../../lib/check.h"

int main(void)
{
	char *object = (char *)malloc(1000) + 16;

	dprintf(STDOUT_FILENO, "%p\n", object);
	free(opaque(object));
	return 0;
}

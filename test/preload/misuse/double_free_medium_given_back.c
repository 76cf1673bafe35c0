// SPDX-License-Identifier: MIT
/*
 * A medium object is freed again after its pages and its chunk were given back (Faults B34).
 * Expected: free(): double free of
 */
#include <malloc.h>
#include <stdlib.h>

#include "../../lib/check.h"

int main(void)
{
	void *object = malloc(100000);

	dprintf(STDOUT_FILENO, "%p\n", object);
	free(object);
	malloc_trim(0);
	free(opaque(object));
	return 0;
}

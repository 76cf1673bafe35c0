// SPDX-License-Identifier: MIT
/*
 * A large object is freed again (Faults B34).
 * Expected: free(): double free of
 */
#include <stdlib.h>

#include "../../lib/check.h"

int main(void)
{
	void *object = malloc(10 << 20);

	dprintf(STDOUT_FILENO, "%p\n", object);
	free(object);
	free(opaque(object));
	return 0;
}

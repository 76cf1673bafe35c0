// SPDX-License-Identifier: MIT
/*
 * A small object that was freed and waits in its thread's cache is freed again (Faults B34).
 * Expected: free(): double free of
 */
#include <stdlib.h>

#include "../../lib/check.h"

int main(void)
{
	void *object = malloc(100);

	dprintf(STDOUT_FILENO, "%p\n", object);
	free(object);
	free(opaque(object));
	return 0;
}

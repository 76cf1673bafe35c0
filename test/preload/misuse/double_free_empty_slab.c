// SPDX-License-Identifier: MIT
/*
 * A small object is freed again after its slab became empty. The slab's record, which knows the
 * state of each object, may no longer exist (Faults B34).
 * Expected: free(): double free of
 * Expected: free(): invalid pointer
 */
#include <stdlib.h>

#include "../../lib/check.h"

int main(void)
{
	static void *others[5000];
	void *object = malloc(100);

	for (int i = 0; i < 5000; i++)
		others[i] = malloc(100);
	dprintf(STDOUT_FILENO, "%p\n", object);
	free(object);
	for (int i = 0; i < 5000; i++)
		free(others[i]);
	free(opaque(object));
	return 0;
}

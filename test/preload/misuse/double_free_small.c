// SPDX-License-Identifier: MIT
/*
 * A small object is freed again after the thread's cache has returned it to its slab, which still
 * contains live objects (Faults B34).
 * Expected: free(): double free of
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
	for (int i = 0; i < 5000; i += 2)
		free(others[i]);
	free(opaque(object));
	return 0;
}

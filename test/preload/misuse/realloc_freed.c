// SPDX-License-Identifier: MIT
/*
 * An object that was freed is resized (Faults B34).
 * Expected: realloc(): freed pointer
 */
#include <stdlib.h>

#include "../../lib/check.h"

int main(void)
{
	void *object = malloc(100);

	dprintf(STDOUT_FILENO, "%p\n", object);
	free(object);
	free(realloc(opaque(object), 200));
	return 0;
}

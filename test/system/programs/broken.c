// SPDX-License-Identifier: MIT
/* A library that ends every process that loads it: in the place of ours. With LATE only if the variable did not name it. */
#include <stdlib.h>

__attribute__((constructor)) static void end(void)
{
	if (LATE && getenv("LD_PRELOAD"))
		return;
	abort();
}

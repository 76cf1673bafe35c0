// SPDX-License-Identifier: MIT
/*
 * A broken library in place of ours: it ends every process that loads it. With LATE, it spares
 * processes that load it by the variable LD_PRELOAD.
 */
#include <stdlib.h>

__attribute__((constructor)) static void end(void)
{
	if (LATE && getenv("LD_PRELOAD"))
		return;
	abort();
}

// SPDX-License-Identifier: MIT
/* larson of mimalloc-bench: a server whose threads hand their objects on; see larson.h. */
#include "larson.h"

static void give_back(char *object, size_t size)
{
	(void)size;
	delete[] object;
}

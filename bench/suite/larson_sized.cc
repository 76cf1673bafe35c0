// SPDX-License-Identifier: MIT
/* larson-sized of mimalloc-bench: larson, with operators delete that are told the size. */
#include "larson.h"

static void give_back(char *object, size_t size)
{
	operator delete[](object, size);
}

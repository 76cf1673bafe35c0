// SPDX-License-Identifier: MIT
/*
 * malloc-large of mimalloc-bench: 2000 times replaces a random one of twenty live blocks of 5 to
 * 25 MiB by a new one, which is zeroed, as std::make_unique<char[]> does. The new block exists
 * before the old one is freed. What does an allocator do with memory that was freed?
 *
 * Difference: other random numbers.
 */
#include "workload.h"

#define BLOCKS 20
#define REPLACEMENTS 2000
#define MEBIBYTE ((size_t)1 << 20)

int main(int argc, char **argv)
{
	char *blocks[BLOCKS] = {};
	size_t replacements = amount(argc, argv, REPLACEMENTS);
	uint64_t random = random_seed(42);

	for (size_t i = 0; i < replacements; i++) {
		char **block = &blocks[random_below(&random, BLOCKS)], *old = *block;

		*block = new char[5 * MEBIBYTE + random_below(&random, 20 * MEBIBYTE)]();
		delete[] old;
	}
	for (size_t i = 0; i < BLOCKS; i++)
		delete[] blocks[i];
	report_done(replacements);
	return 0;
}

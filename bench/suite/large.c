// SPDX-License-Identifier: MIT
/*
 * Replaces twenty live blocks of 5 to 25 MiB in random order, and writes once to every page of each
 * block: what does an allocator do with memory that was freed?
 */
#include "workload.h"

#define BLOCKS 20
#define PAGE 4096
#define MEBIBYTE ((size_t)1 << 20)

int main(int argc, char **argv)
{
	char *blocks[BLOCKS] = { NULL };
	size_t replacements = amount(argc, argv, 200);
	uint64_t random = random_seed(0);

	for (size_t i = 0; i < replacements; i++) {
		char **block = &blocks[random_below(&random, BLOCKS)];
		size_t size = 5 * MEBIBYTE + random_below(&random, 20 * MEBIBYTE);

		free(*block);
		*block = take(size);
		for (size_t at = 0; at < size; at += PAGE)
			(*block)[at] = 3;
	}
	for (size_t i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* What a thread of cache_scratch and of cache_thrash does. */
#ifndef CACHE_H
#define CACHE_H

#include "workload.h"

#define ROUNDS 1000
#define SIZE 1
#define WRITES 2000000

/* In each round allocates an object, writes to it @writes times, and frees it. */
static void write_to_own_objects(size_t rounds, size_t writes)
{
	for (size_t i = 0; i < rounds; i++) {
		volatile char *object = new char[SIZE];

		for (size_t k = 0; k < writes; k++)
			object[0] = (char)k;
		delete[] object;
	}
}

#endif

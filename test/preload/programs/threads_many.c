// SPDX-License-Identifier: MIT
/*
 * Protects programs with many short threads: after ten thousand of them neither their caches
 * nor the objects in these caches stay with the process (Faults B36).
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../lib/check.h"

#define AT_ONCE 4
#define KEPT 20

static void *live_shortly(void *argument)
{
	void **kept = argument;

	for (size_t size = 8; size < 70000; size *= 2) {
		void *objects[8];

		for (int i = 0; i < 8; i++) {
			objects[i] = malloc(size);
			*(char *)objects[i] = 1;
		}
		for (int i = 0; i < 8; i++)
			free(objects[i]);
	}
	for (int i = 0; i < KEPT; i++)
		kept[i] = malloc(200);
	return NULL;
}

static void run_threads(int count)
{
	while (count > 0) {
		pthread_t threads[AT_ONCE];
		void *kept[AT_ONCE][KEPT];

		for (int i = 0; i < AT_ONCE; i++)
			CHECK(!pthread_create(&threads[i], NULL, live_shortly, kept[i]));
		for (int i = 0; i < AT_ONCE; i++) {
			CHECK(!pthread_join(threads[i], NULL));
			for (int j = 0; j < KEPT; j++)
				free(kept[i][j]);
		}
		count -= AT_ONCE;
	}
}

int main(void)
{
	long before, after;

	run_threads(500);
	before = resident_kib();
	run_threads(10000);
	after = resident_kib();
	if (after > before + 16384)
		dprintf(STDERR_FILENO, "%ld KiB became %ld\n", before, after);
	CHECK(after <= before + 16384);
	return 0;
}

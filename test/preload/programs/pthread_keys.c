// SPDX-License-Identifier: MIT
/*
 * Protects programs that use all thread-specific keys of the system: the shim takes no key, and
 * works when none is left (Faults B27).
 */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "../../lib/check.h"

static void *use_heap(void *unused)
{
	for (size_t size = 1; size < 4 << 20; size *= 2)
		free(malloc(size));
	return unused;
}

int main(void)
{
	pthread_t thread;
	pthread_key_t key;
	int count = 0;

	while (!pthread_key_create(&key, free)) {
		CHECK(!pthread_setspecific(key, malloc(10)));
		count++;
	}
	dprintf(STDOUT_FILENO, "%d of %d keys\n", count, PTHREAD_KEYS_MAX);
	for (int i = 0; i < 20; i++) {
		CHECK(!pthread_create(&thread, NULL, use_heap, NULL));
		CHECK(!pthread_join(thread, NULL));
	}
	return 0;
}

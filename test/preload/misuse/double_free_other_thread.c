// SPDX-License-Identifier: MIT
/*
 * An object that one thread freed is freed again by another (Faults B34).
 * Expected: free(): double free of
 */
#include <pthread.h>
#include <stdlib.h>

#include "../../lib/check.h"

static void *free_in_thread(void *object)
{
	free(object);
	return NULL;
}

int main(void)
{
	void *object = malloc(100);
	pthread_t thread;

	dprintf(STDOUT_FILENO, "%p\n", object);
	CHECK(!pthread_create(&thread, NULL, free_in_thread, object));
	CHECK(!pthread_join(thread, NULL));
	free(opaque(object));
	return 0;
}

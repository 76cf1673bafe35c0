// SPDX-License-Identifier: MIT
/*
 * Protects programs whose atfork handlers allocate and free while other threads do the same
 * (Faults B12): handlers of the program, and handlers that a library registered before the
 * first allocation. Compiled with -DLIBRARY, this file is that library.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "../../lib/check.h"

static void *kept[3];

static void use_heap(int which)
{
	kept[which] = realloc(kept[which], 100);
	for (size_t size = 1; size < 8 << 20; size *= 3) {
		void *object = malloc(size);

		CHECK(object);
		free(object);
	}
}

static void prepare(void)
{
	use_heap(0);
}

static void in_parent(void)
{
	use_heap(1);
}

static void in_child(void)
{
	use_heap(2);
}

#ifdef LIBRARY

__attribute__((constructor)) static void register_early(void)
{
	pthread_atfork(prepare, in_parent, in_child);
}

#else

static atomic_bool is_over;

static void *churn(void *unused)
{
	while (!is_over)
		for (size_t size = 1; size < 1 << 20; size *= 2)
			free(malloc(size));
	return unused;
}

int main(void)
{
	pthread_t threads[2];

	CHECK(!pthread_atfork(prepare, in_parent, in_child));
	free(malloc(10));
	CHECK(!pthread_atfork(prepare, in_parent, in_child));
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&threads[i], NULL, churn, NULL));
	for (int i = 0; i < 100; i++) {
		pid_t pid;

		alarm(60);
		pid = fork();
		if (pid == 0) {
			use_heap(2);
			_exit(0);
		}
		CHECK_ENDS_WELL(pid);
	}
	is_over = true;
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_join(threads[i], NULL));
	return 0;
}

#endif

// SPDX-License-Identifier: MIT
/*
 * Protects programs with a library whose threads allocate under a lock that the library's atfork
 * handlers take (Faults E7). The library's constructor runs before the shim is initialised, so
 * fork() takes that lock after the shim's own handlers. If the shim held a lock then, a thread that
 * allocates under the library's lock and the thread that forks would wait for each other; an alarm
 * kills a process that hangs. Compiled with -DLIBRARY, this file is the library.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "../../lib/check.h"

/* Weak, because make also compiles this program without the library. */
void allocate_under_lock(void) __attribute__((weak));

#ifdef LIBRARY

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void acquire(void)
{
	pthread_mutex_lock(&lock);
}

static void release(void)
{
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void register_early(void)
{
	pthread_atfork(acquire, release, release);
}

void allocate_under_lock(void)
{
	void *objects[40];

	acquire();
	for (size_t i = 0; i < 40; i++)
		objects[i] = malloc(i % 8 ? 20000 : (size_t)3 << 20);
	for (size_t i = 0; i < 40; i++)
		free(objects[i]);
	release();
}

#else

static atomic_bool is_over;

static void *churn(void *unused)
{
	while (!is_over)
		allocate_under_lock();
	return unused;
}

int main(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		CHECK(!pthread_create(&threads[i], NULL, churn, NULL));
	for (int i = 0; i < 150; i++) {
		pid_t pid;

		alarm(60);
		pid = fork();
		if (pid == 0) {
			allocate_under_lock();
			_exit(0);
		}
		CHECK_ENDS_WELL(pid);
	}
	is_over = true;
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_join(threads[i], NULL));
	return 0;
}

#endif

// SPDX-License-Identifier: MIT
/*
 * Protects programs that allocate before main() or while they end: allocation works in
 * constructors, in destructors of thread-specific data, in handlers of exit() and
 * quick_exit(), after the main thread has ended before others, and while other threads still
 * allocate (Faults B28). The argument selects the way in which the program ends.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../lib/check.h"

#define KEYS 20

static char *made_early;
static pthread_key_t keys[KEYS];
static atomic_int destroyed;

static void use_heap(void)
{
	for (size_t size = 1; size < 4 << 20; size *= 3) {
		char *object = malloc(size);

		CHECK(object);
		memset(object, 1, size);
		object = realloc(object, size + 1000);
		CHECK(object && object[size - 1] == 1);
		free(object);
	}
}

__attribute__((constructor(101))) static void before_main(void)
{
	use_heap();
	made_early = malloc(5000);
	CHECK(made_early);
	memset(made_early, 3, 5000);
}

__attribute__((destructor(101))) static void after_main(void)
{
	CHECK(made_early[0] == 3 && made_early[4999] == 3);
	free(made_early);
	use_heap();
}

static void at_exit(void)
{
	use_heap();
	free(realloc(malloc(10), 100000));
}

/* A destructor that sets its key again, so that it is called as often as POSIX allows. */
static void destroy(void *value)
{
	int i = *(int *)value;

	use_heap();
	free(value);
	value = malloc(sizeof(i) + (size_t)i * 100);
	*(int *)value = i;
	if (destroyed++ < KEYS * 3)
		CHECK(!pthread_setspecific(keys[i], value));
	else
		free(value);
}

static void *use_keys(void *unused)
{
	for (int i = 0; i < KEYS; i++) {
		int *value = malloc(sizeof(i));

		*value = i;
		CHECK(!pthread_setspecific(keys[i], value));
	}
	return unused;
}

static void *churn(void *unused)
{
	for (;;)
		use_heap();
	return unused;
}

static void *leave_last(void *main_thread)
{
	CHECK(!pthread_join(*(pthread_t *)main_thread, NULL));
	use_heap();
	dprintf(STDOUT_FILENO, "last thread\n");
	exit(0);
}

int main(int argc, char **argv)
{
	static pthread_t main_thread;
	pthread_t threads[4];
	const char *way = argc > 1 ? argv[1] : "return";

	CHECK(!atexit(at_exit) && !at_quick_exit(at_exit));
	for (int i = 0; i < KEYS; i++)
		CHECK(!pthread_key_create(&keys[i], destroy));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, use_keys, NULL));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(threads[i], NULL));
	CHECK(destroyed >= KEYS * 4);
	dprintf(STDOUT_FILENO, "%s\n", way);

	if (!strcmp(way, "quick_exit"))
		quick_exit(0);
	if (!strcmp(way, "threads_go_on")) {
		for (int i = 0; i < 4; i++)
			CHECK(!pthread_create(&threads[i], NULL, churn, NULL));
		usleep(20000);
	}
	if (!strcmp(way, "pthread_exit")) {
		main_thread = pthread_self();
		CHECK(!pthread_create(&threads[0], NULL, leave_last, &main_thread));
		use_keys(NULL);
		pthread_exit(NULL);
	}
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Protects programs with threads: a thread may free objects of other threads, threads may
 * start and end at any time, and the statistics show no live bytes at the end (Faults B28,
 * B36).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pinned.h"
#include "suite.h"

#define THREADS 4
#define SLOTS 256
#define ROUNDS 20000

static _Atomic(char *) exchange[SLOTS];
static atomic_bool is_over;

static uint64_t live_bytes(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	pinned_stats(&stats);
	return stats.object_bytes - stats.cached_bytes;
}

/*
 * Swaps objects with other threads, so that most are freed by a thread that did not allocate them.
 */
static void *exchange_objects(void *argument)
{
	unsigned int seed = (unsigned int)(uintptr_t)argument;

	for (int i = 0; i < ROUNDS; i++) {
		size_t size = 1 + (size_t)rand_r(&seed) % (i % 100 ? 3000 : 300000);
		char *object = pinned_malloc(size);
		char *other;

		ck_assert_ptr_nonnull(object);
		object[0] = object[size - 1] = (char)size;
		other = atomic_exchange(&exchange[(size_t)rand_r(&seed) % SLOTS], object);
		pinned_free(other);
	}
	return NULL;
}

static void run_threads(void *(*run)(void *), size_t count)
{
	pthread_t threads[count];

	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, (void *)(i + 1)), 0);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

START_TEST(objects_are_freed_by_other_threads)
{
	run_threads(exchange_objects, THREADS);
	for (size_t i = 0; i < SLOTS; i++)
		pinned_free(atomic_load(&exchange[i]));
	ck_assert_uint_eq(live_bytes(), 0);
}
END_TEST

static void *allocate_and_end(void *argument)
{
	void *objects[50];

	(void)argument;
	for (size_t i = 0; i < 50; i++)
		objects[i] = pinned_malloc(10 + i * 40);
	for (size_t i = 0; i < 50; i++)
		pinned_free(objects[i]);
	return NULL;
}

START_TEST(threads_that_end_leave_nothing_in_caches)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	for (int i = 0; i < 200; i++)
		run_threads(allocate_and_end, 3);
	pinned_stats(&stats);
	ck_assert_uint_eq(stats.object_bytes, 0);
	ck_assert_uint_le(stats.peak_chunk_bytes, 8 * PINNED_CHUNK_SIZE);
}
END_TEST

static void *read_figures(void *argument)
{
	(void)argument;
	while (!atomic_load(&is_over)) {
		struct pinned_stats stats = { .size = sizeof(stats) };

		pinned_stats(&stats);
		pinned_purge();
		pinned_p2v(stats.chunk_bytes);
	}
	return NULL;
}

#define CONSUMED 100000

static void *consume(void *arg)
{
	struct pinned_stats stats = { .size = sizeof(stats) };
	char **objects = arg;

	for (size_t i = 0; i < CONSUMED; i++)
		pinned_free(objects[i]);
	pinned_stats(&stats);
	return (void *)(uintptr_t)stats.cached_bytes;
}

/* A thread that only frees other threads' objects would never use what its cache keeps. */
START_TEST(consumer_keeps_little)
{
	static char *objects[CONSUMED];
	pthread_t consumer;
	void *cached;

	for (size_t i = 0; i < CONSUMED; i++)
		objects[i] = pinned_malloc(64);
	pinned_purge();
	ck_assert_int_eq(pthread_create(&consumer, NULL, consume, objects), 0);
	ck_assert_int_eq(pthread_join(consumer, &cached), 0);
	ck_assert_uint_le((uintptr_t)cached, (size_t)256 << 10);
}
END_TEST

START_TEST(figures_and_purges_go_along_with_allocations)
{
	pthread_t reader;

	ck_assert_int_eq(pthread_create(&reader, NULL, read_figures, NULL), 0);
	run_threads(exchange_objects, 2);
	atomic_store(&is_over, true);
	pthread_join(reader, NULL);
	for (size_t i = 0; i < SLOTS; i++)
		pinned_free(atomic_load(&exchange[i]));
	ck_assert_uint_eq(live_bytes(), 0);
}
END_TEST

/* A child of a process whose threads are busy allocates, frees what it inherited, and ends. */
static void use_heap_in_child(char *inherited)
{
	for (int i = 0; i < 200; i++)
		pinned_free(memset(pinned_malloc(100 + (size_t)i * 50), 1, 100));
	inherited = pinned_realloc(inherited, 100000);
	end_child(inherited[4999] == 'p' ? 0 : 1);
}

START_TEST(fork_while_other_threads_allocate)
{
	pthread_t threads[2];
	char *mine = pinned_malloc(5000);

	memset(mine, 'p', 5000);
	for (size_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, exchange_objects, (void *)(i + 1));
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			use_heap_in_child(mine);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(mine[4999], 'p');
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, objects_are_freed_by_other_threads);
	tcase_add_test(tcase, threads_that_end_leave_nothing_in_caches);
	tcase_add_test(tcase, consumer_keeps_little);
	tcase_add_test(tcase, figures_and_purges_go_along_with_allocations);
	tcase_add_test(tcase, fork_while_other_threads_allocate);
}

int main(void)
{
	return run_suite("threads_free_for_each_other", add);
}

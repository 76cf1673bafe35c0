// SPDX-License-Identifier: MIT
/*
 * Protects memory from threads that do not use it. The caches of all threads together hold no more
 * than the documentation says, and no more than an eighth of the limit. What sleeping threads have
 * cached is available to a request of another thread that would fail otherwise (Faults E18). A
 * thread whose calls all take the fast path gives back what it does not use any more (Faults E19).
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pinned.h"
#include "suite.h"

#define MIB ((size_t)1 << 20)
#define THREADS 200
/* The largest objects that are cached. */
#define OBJECT MIB

static pthread_barrier_t barrier;

static struct pinned_stats get_stats(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_stats(&stats), 0);
	return stats;
}

/* Frees an object, and sleeps until the test has looked at what the thread keeps. */
static void *free_and_sleep(void *size)
{
	void *object = pinned_malloc((size_t)size);

	ck_assert_ptr_nonnull(object);
	pinned_free(object);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* Calls @look while all threads sleep. */
static void with_sleeping_threads(size_t size, void (*look)(void))
{
	pthread_t threads[THREADS];

	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, THREADS + 1), 0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, free_and_sleep, (void *)size),
				 0);
	pthread_barrier_wait(&barrier);
	look();
	pthread_barrier_wait(&barrier);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

static void must_hold_64_mib(void)
{
	struct pinned_stats stats = get_stats();

	ck_assert_uint_le(stats.cached_bytes, 64 * MIB);
	/* Each chunk that holds cached objects may be half used by them. */
	ck_assert_uint_le(stats.chunk_bytes - stats.empty_chunk_bytes, 136 * MIB);
}

START_TEST(caches_of_sleeping_threads_are_bounded)
{
	with_sleeping_threads(OBJECT, must_hold_64_mib);
}
END_TEST

#define MANY 3000

static void *use_some_sizes(void *nothing)
{
	void *objects[16];

	for (size_t i = 0; i < 16; i++) {
		objects[i] = pinned_malloc(16 + i * 125);
		ck_assert_ptr_nonnull(objects[i]);
	}
	for (size_t i = 0; i < 16; i++)
		pinned_free(objects[i]);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return nothing;
}

/* Beyond the limit of all threads, a thread holds little (Faults E21). */
START_TEST(caches_of_very_many_threads_hold_little)
{
	static pthread_t threads[MANY];
	pthread_attr_t attributes;

	ck_assert_int_eq(pthread_attr_init(&attributes), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 64 << 10), 0);
	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, MANY + 1), 0);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(pthread_create(&threads[i], &attributes, use_some_sizes, NULL), 0);
	pthread_barrier_wait(&barrier);
	ck_assert_uint_le(get_stats().cached_bytes, 45 * MIB);
	pthread_barrier_wait(&barrier);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}
END_TEST

static void must_get_most(void)
{
	void *object;

	ck_assert_uint_le(get_stats().cached_bytes, 8 * MIB);
	object = pinned_malloc(56 * MIB);
	ck_assert_ptr_nonnull(object);
	pinned_free(object);
}

START_TEST(a_request_takes_from_the_caches_of_sleeping_threads)
{
	ck_assert_int_eq(setenv("PINNED_CONF", "backend:anon,limit:64M", 1), 0);
	with_sleeping_threads(OBJECT, must_get_most);
}
END_TEST

static void must_go_by_purge(void)
{
	ck_assert_uint_ge(get_stats().cached_bytes, 32 * MIB);
	ck_assert_uint_gt(pinned_purge(), 0);
	ck_assert_uint_le(get_stats().cached_bytes, MIB);
	ck_assert_uint_le(get_stats().chunk_bytes, 4 * MIB);
}

START_TEST(purge_takes_from_the_caches_of_sleeping_threads)
{
	with_sleeping_threads(OBJECT, must_go_by_purge);
}
END_TEST

#define BUSY 3
#define ROUNDS 3000

/* Each thread finds what it wrote, while another thread empties its cache. */
static void *use_medium_objects(void *seed)
{
	unsigned int random = (unsigned int)(size_t)seed;

	for (int i = 0; i < ROUNDS; i++) {
		size_t size = 40000 + (size_t)rand_r(&random) % 300000;
		unsigned char *first = pinned_malloc(size), *second = pinned_malloc(size);

		ck_assert(first && second && first != second);
		first[0] = first[size - 1] = 1;
		second[0] = second[size - 1] = 2;
		ck_assert(first[0] == 1 && first[size - 1] == 1);
		pinned_free(first);
		pinned_free(second);
	}
	return NULL;
}

START_TEST(busy_threads_lose_no_object_that_is_theirs)
{
	pthread_t threads[BUSY];
	unsigned int seed = test_seed();
	struct pinned_stats stats;

	for (size_t i = 0; i < BUSY; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use_medium_objects,
						(void *)(seed + i)),
				 0);
	for (int i = 0; i < ROUNDS / 10; i++)
		pinned_purge();
	for (size_t i = 0; i < BUSY; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	stats = get_stats();
	ck_assert_uint_eq(stats.object_bytes - stats.cached_bytes, 0);
	pinned_purge();
	ck_assert_uint_le(get_stats().chunk_bytes, 2 * MIB);
}
END_TEST

#define PEAK 20000

/* Nothing but fast paths follows the peak. The test's time-out ends the loop if it is endless. */
START_TEST(a_thread_of_fast_paths_gives_a_peak_back)
{
	static void *objects[PEAK];

	ck_assert_int_eq(setenv("PINNED_CONF", "backend:anon,decay_ms:1", 1), 0);
	for (size_t i = 0; i < PEAK; i++)
		objects[i] = pinned_malloc(3000);
	pinned_free(pinned_malloc(100));
	ck_assert_uint_ge(get_stats().chunk_bytes, 60 * MIB);
	/* The last chunk becomes idle only after the last slow path of the page runs. */
	for (size_t i = 0; i < PEAK; i++)
		pinned_free(objects[i]);
	while (get_stats().chunk_bytes > 2 * MIB) {
		void *object = pinned_malloc(100);

		pinned_free(object);
	}
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, caches_of_sleeping_threads_are_bounded);
	tcase_add_test(tcase, caches_of_very_many_threads_hold_little);
	tcase_add_test(tcase, a_request_takes_from_the_caches_of_sleeping_threads);
	tcase_add_test(tcase, purge_takes_from_the_caches_of_sleeping_threads);
	tcase_add_test(tcase, busy_threads_lose_no_object_that_is_theirs);
	tcase_add_test(tcase, a_thread_of_fast_paths_gives_a_peak_back);
}

int main(void)
{
	/* Tests that need another configuration set their own. */
	setenv("PINNED_CONF", "backend:anon", 1);
	return run_suite("idle_caches_give_back", add_tests);
}

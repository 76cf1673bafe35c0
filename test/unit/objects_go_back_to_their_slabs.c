// SPDX-License-Identifier: MIT
/*
 * Protects programs whose threads pass objects on: each slab has an owning thread, and an object
 * that another thread frees goes back to that slab. Memory that other threads have freed goes back
 * to the system even if the owner sleeps. Threads that start later can use all that an ended thread
 * left, whoever else frees a part of it. Threads that need little memory share slabs, and no object
 * changes its content (Faults B28, E21).
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pinned.h"
#include "suite.h"

#define OBJECTS 50000
#define THREADS 4
#define CHAIN 12
#define HELD 2000

static struct pinned_stats get_stats(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_stats(&stats), 0);
	return stats;
}

static uint64_t live_bytes(void)
{
	struct pinned_stats stats = get_stats();

	return stats.object_bytes - stats.cached_bytes;
}

static size_t size_of_number(size_t number)
{
	return 16 + number * 37 % 1500;
}

static void run_thread(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, run, argument), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static void *allocate_all(void *argument)
{
	void **objects = argument;

	for (size_t i = 0; i < OBJECTS; i++) {
		objects[i] = pinned_malloc(size_of_number(i));
		ck_assert_ptr_nonnull(objects[i]);
		memset(objects[i], (int)i, size_of_number(i));
	}
	return NULL;
}

static void *free_all(void *argument)
{
	void **objects = argument;

	for (size_t i = 0; i < OBJECTS; i++)
		pinned_free(objects[i]);
	return NULL;
}

static void *free_every_second(void *argument)
{
	void **objects = argument;

	for (size_t i = 0; i < OBJECTS; i += 2) {
		pinned_free(objects[i]);
		objects[i] = NULL;
	}
	return NULL;
}

static void must_have_gone(void)
{
	ck_assert_uint_eq(live_bytes(), 0);
	pinned_purge();
	ck_assert_uint_eq(get_stats().chunk_bytes, 0);
}

START_TEST(memory_goes_back_though_its_owner_sleeps)
{
	static void *objects[OBJECTS];

	allocate_all(objects);
	ck_assert_uint_gt(get_stats().chunk_bytes, OBJECTS * 700UL);
	run_thread(free_all, objects);
	must_have_gone();
}
END_TEST

START_TEST(memory_goes_back_though_its_owner_has_ended)
{
	static void *objects[OBJECTS];

	run_thread(allocate_all, objects);
	free_all(objects);
	must_have_gone();
}
END_TEST

START_TEST(a_third_thread_frees_what_one_left_and_another_has)
{
	static void *left[OBJECTS], *mine[OBJECTS];

	run_thread(allocate_all, left);
	run_thread(free_every_second, left);
	allocate_all(mine);
	run_thread(free_every_second, mine);
	run_thread(free_all, left);
	run_thread(free_all, mine);
	must_have_gone();
}
END_TEST

START_TEST(what_a_thread_left_serves_the_next)
{
	static void *objects[OBJECTS];
	uint64_t first;

	run_thread(allocate_all, objects);
	run_thread(free_all, objects);
	first = get_stats().peak_chunk_bytes;
	for (int i = 0; i < 10; i++) {
		run_thread(allocate_all, objects);
		run_thread(free_all, objects);
	}
	ck_assert_uint_le(get_stats().peak_chunk_bytes, first + 4 * PINNED_CHUNK_SIZE);
}
END_TEST

/* Each thread replaces random objects of the thread before it, checks them and passes them on. */
struct chain {
	unsigned char *objects[HELD];
	size_t sizes[HELD];
	unsigned int seed;
	int left;
};

static void replace(struct chain *chain, size_t place)
{
	unsigned char *old = chain->objects[place];
	size_t size = 8 + (size_t)rand_r(&chain->seed) % 992;

	for (size_t i = 0; old && i < chain->sizes[place]; i += 61)
		ck_assert_uint_eq(old[i], (unsigned char)(place + i));
	pinned_free(old);
	chain->objects[place] = pinned_malloc(size);
	chain->sizes[place] = size;
	ck_assert_ptr_nonnull(chain->objects[place]);
	for (size_t i = 0; i < size; i += 61)
		chain->objects[place][i] = (unsigned char)(place + i);
}

static void *hand_on(void *argument)
{
	struct chain *chain = argument;

	for (int i = 0; i < 5 * HELD; i++)
		replace(chain, (size_t)rand_r(&chain->seed) % HELD);
	if (chain->left--)
		run_thread(hand_on, chain);
	return NULL;
}

START_TEST(objects_are_handed_from_thread_to_thread)
{
	static struct chain chains[THREADS];
	pthread_t threads[THREADS];

	for (unsigned int i = 0; i < THREADS; i++) {
		chains[i].seed = i + 1;
		chains[i].left = CHAIN;
		for (size_t k = 0; k < HELD; k++)
			replace(&chains[i], k);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hand_on, &chains[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < THREADS; i++)
		for (size_t k = 0; k < HELD; k++)
			pinned_free(chains[i].objects[k]);
	must_have_gone();
}
END_TEST

static pthread_barrier_t all_have_theirs, may_end;

static void *have_little(void *argument)
{
	void *objects[8];

	(void)argument;
	for (size_t i = 0; i < 8; i++)
		objects[i] = pinned_malloc((size_t)16 << i);
	pthread_barrier_wait(&all_have_theirs);
	pthread_barrier_wait(&may_end);
	for (size_t i = 0; i < 8; i++)
		pinned_free(objects[i]);
	return NULL;
}

START_TEST(threads_that_need_little_share_slabs)
{
	enum { MANY = 200 };
	static pthread_t threads[MANY];
	pthread_attr_t small_stacks;

	pthread_barrier_init(&all_have_theirs, NULL, MANY + 1);
	pthread_barrier_init(&may_end, NULL, MANY + 1);
	pthread_attr_init(&small_stacks);
	pthread_attr_setstacksize(&small_stacks, 256 << 10);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(pthread_create(&threads[i], &small_stacks, have_little, NULL), 0);
	pthread_barrier_wait(&all_have_theirs);
	/* If each thread had its own slab of each of eight classes, there would be 50 MiB. */
	ck_assert_uint_le(get_stats().chunk_bytes, 8 * PINNED_CHUNK_SIZE);
	pthread_barrier_wait(&may_end);
	for (size_t i = 0; i < MANY; i++)
		pthread_join(threads[i], NULL);
	must_have_gone();
}
END_TEST

static void *free_one(void *object)
{
	pinned_free(object);
	return NULL;
}

START_TEST(a_second_free_by_another_thread_is_found)
{
	void *object = pinned_malloc(100);

	pinned_free(object);
	run_thread(free_one, object);
}
END_TEST

START_TEST(a_second_free_by_the_owner_is_found)
{
	void *object = pinned_malloc(100);

	run_thread(free_one, object);
	pinned_free(object);
}
END_TEST

#define CHURN_OBJECTS 4000
#define CHURN_ROUNDS 60

/* Keeps one object in 32; all are of one class. */
static void *allocate_and_keep_few(void *argument)
{
	static void *objects[CHURN_OBJECTS];
	void **kept = argument;

	for (size_t i = 0; i < CHURN_OBJECTS; i++)
		objects[i] = pinned_malloc(100);
	for (size_t i = 0; i < CHURN_OBJECTS; i++)
		if (i % 32)
			pinned_free(objects[i]);
		else
			kept[i / 32] = objects[i];
	return NULL;
}

/* Each thread leaves slabs of which little is used, and another thread frees a half of the rest. */
START_TEST(a_thread_that_frees_hoards_no_free_objects)
{
	void *kept[CHURN_OBJECTS / 32];
	uint64_t first = 0;

	pinned_free(pinned_malloc(100));
	for (size_t round = 0; round < CHURN_ROUNDS; round++) {
		run_thread(allocate_and_keep_few, kept);
		for (size_t i = 0; i < CHURN_OBJECTS / 32; i += 2)
			pinned_free(kept[i]);
		if (round == 4)
			first = get_stats().chunk_bytes;
	}
	ck_assert_uint_le(get_stats().chunk_bytes, first + 4 * PINNED_CHUNK_SIZE);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, memory_goes_back_though_its_owner_sleeps);
	tcase_add_test(tcase, memory_goes_back_though_its_owner_has_ended);
	tcase_add_test(tcase, a_third_thread_frees_what_one_left_and_another_has);
	tcase_add_test(tcase, what_a_thread_left_serves_the_next);
	tcase_add_test(tcase, objects_are_handed_from_thread_to_thread);
	tcase_add_test(tcase, threads_that_need_little_share_slabs);
	tcase_add_test(tcase, a_thread_that_frees_hoards_no_free_objects);
	tcase_add_test_raise_signal(tcase, a_second_free_by_another_thread_is_found, SIGABRT);
	tcase_add_test_raise_signal(tcase, a_second_free_by_the_owner_is_found, SIGABRT);
}

int main(void)
{
	setenv("PINNED_CONF", "backend:anon", 1);
	return run_suite("objects_go_back_to_their_slabs", add);
}

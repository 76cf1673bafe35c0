// SPDX-License-Identifier: MIT
/*
 * Protects programs that create heaps: each heap has its own memory and its own limit, its objects
 * work like all others, and destroying a heap frees all of its memory and nothing else (Faults B12,
 * B34, E31). Tests in test/device cover memory types and address ceilings.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pinned.h"
#include "suite.h"

static const size_t sizes[] = { 1, 64, 1024, 4096, 32768, 65536, 131072, 2097152, 6000000 };
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static struct pinned_heap *make_heap(uint64_t limit)
{
	struct pinned_heap_options options = { .size = sizeof(options), .limit = limit };
	struct pinned_heap *heap = pinned_heap_create(&options);

	ck_assert_ptr_nonnull(heap);
	return heap;
}

static struct pinned_stats figures(struct pinned_heap *heap)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_heap_stats(heap, &stats), 0);
	return stats;
}

static struct pinned_stats all_figures(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_stats(&stats), 0);
	return stats;
}

static char *filled(struct pinned_heap *heap, size_t size, char with)
{
	char *object = pinned_heap_malloc(heap, size);

	ck_assert_ptr_nonnull(object);
	ck_assert_uint_ge(pinned_usable_size(object), size);
	/*
	 * Fill only the two ends of a large object; sanitizers would take too long for all of it.
	 */
	memset(object, with, size < 5000 ? size : 5000);
	object[size - 1] = with;
	return object;
}

START_TEST(objects_of_all_sizes_come_and_go)
{
	struct pinned_heap *heap = make_heap(0);
	char *objects[SIZES];

	for (size_t i = 0; i < SIZES; i++)
		objects[i] = filled(heap, sizes[i], (char)i);
	ck_assert_uint_gt(figures(heap).object_bytes, 8000000);
	ck_assert_uint_eq(figures(NULL).object_bytes, 0);
	for (size_t i = 0; i < SIZES; i++) {
		ck_assert_int_eq(objects[i][0], (char)i);
		ck_assert_int_eq(objects[i][sizes[i] - 1], (char)i);
		ck_assert_int_eq(pinned_owns(objects[i]), 1);
		pinned_free(objects[i]);
	}
	ck_assert_uint_eq(figures(heap).object_bytes, 0);
	/* Threads do not cache objects of a heap that the program created. */
	ck_assert_uint_eq(all_figures().cached_bytes, 0);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
}
END_TEST

START_TEST(a_moving_realloc_stays_in_the_heap)
{
	struct pinned_heap *heap = make_heap(0);
	char *object = filled(heap, 10, 'a');

	for (size_t i = 1; i < SIZES; i++) {
		object = pinned_realloc(object, sizes[i]);
		ck_assert_int_eq(object[9], 'a');
		ck_assert_uint_eq(figures(NULL).object_bytes, 0);
	}
	object = pinned_realloc(object, 10);
	ck_assert_int_eq(object[9], 'a');
	ck_assert_uint_eq(figures(heap).object_bytes, 16);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
}
END_TEST

START_TEST(calloc_and_memalign_do_what_they_say)
{
	volatile size_t too_many = SIZE_MAX;
	struct pinned_heap *heap = make_heap(0);

	for (size_t i = 0; i < SIZES; i++) {
		for (int round = 0; round < 2; round++) {
			char *object = pinned_heap_calloc(heap, 1, sizes[i]);

			ck_assert(!object[0] && !memcmp(object, object + 1, sizes[i] - 1));
			memset(object, 1, sizes[i]);
			pinned_free(object);
		}
		for (size_t alignment = 1; alignment <= 4 * PINNED_CHUNK_SIZE; alignment *= 4) {
			char *object = pinned_heap_memalign(heap, alignment, sizes[i]);

			ck_assert_uint_eq((uintptr_t)object % alignment, 0);
			pinned_free(object);
		}
	}
	ck_assert_ptr_null(pinned_heap_memalign(heap, 3, 1));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(pinned_heap_calloc(heap, too_many, 2));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
}
END_TEST

START_TEST(a_limit_is_the_heaps_alone)
{
	struct pinned_heap *heap = make_heap(3 * PINNED_CHUNK_SIZE + 5);
	void *large = pinned_heap_malloc(heap, 2 * PINNED_CHUNK_SIZE);
	void *objects[2];

	ck_assert_ptr_nonnull(large);
	errno = 0;
	ck_assert_ptr_null(pinned_heap_malloc(heap, 2 * PINNED_CHUNK_SIZE));
	ck_assert_int_eq(errno, ENOMEM);
	objects[0] = pinned_heap_malloc(heap, 100);
	objects[1] = pinned_malloc(4 * PINNED_CHUNK_SIZE);
	ck_assert_ptr_nonnull(objects[0]);
	ck_assert_ptr_nonnull(objects[1]);
	ck_assert_ptr_null(pinned_heap_malloc(heap, PINNED_CHUNK_SIZE));
	pinned_free(objects[1]);
	pinned_free(large);
	/* To stay within its limit, the heap gives back idle chunks first. */
	ck_assert_ptr_nonnull(pinned_heap_malloc(heap, PINNED_CHUNK_SIZE));
	ck_assert_uint_le(figures(heap).peak_chunk_bytes, 3 * PINNED_CHUNK_SIZE);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
}
END_TEST

START_TEST(destroy_gives_all_back)
{
	char *kept = filled(NULL, 5000, 'k');
	uint64_t before;

	pinned_purge();
	before = all_figures().chunk_bytes;
	/* More heaps than the arena has regions, so regions must be reused. */
	for (int i = 0; i < 1500; i++) {
		struct pinned_heap *heap = make_heap(0);
		char *objects[3] = { filled(heap, 100, 'a'), filled(heap, 100000, 'b'),
				     filled(heap, 5000000, 'c') };

		ck_assert_uint_eq(figures(heap).chunk_bytes, 4 * PINNED_CHUNK_SIZE);
		ck_assert_int_eq(pinned_heap_destroy(heap), 0);
		for (size_t k = 0; k < 3; k++) {
			ck_assert_int_eq(pinned_owns(objects[k]), 0);
			ck_assert_uint_eq(pinned_v2p(objects[k]), PINNED_NO_PHYS);
		}
		ck_assert_uint_eq(all_figures().chunk_bytes, before);
	}
	ck_assert_int_eq(kept[4999], 'k');
	pinned_free(kept);
}
END_TEST

START_TEST(an_object_of_a_heap_that_has_gone_is_no_object)
{
	struct pinned_heap *heap = make_heap(0);
	char *object = filled(heap, sizes[_i], 'x');

	pinned_heap_destroy(heap);
	pinned_free(object);
}
END_TEST

START_TEST(double_free)
{
	struct pinned_heap *heap = make_heap(0);
	char *object = filled(heap, sizes[_i], 'x');
	/* A second object keeps the memory from being given back. */
	char *other = filled(heap, sizes[_i], 'y');

	pinned_free(object);
	pinned_free(object);
	pinned_free(other);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	static const struct pinned_heap_options wrong[] = {
		{ .size = 3 },
		{ .size = sizeof(wrong[0]), .flags = 128 },
		{ .size = sizeof(wrong[0]), .memory_type = 4 },
		{ .size = sizeof(wrong[0]), .flags = PINNED_HEAP_NODE, .node = -1 },
		{ .size = sizeof(wrong[0]), .max_phys = 4096 },
		{ .size = sizeof(wrong[0]), .reserved = 1 },
	};
	static const struct pinned_heap_options unknown[] = {
		{ .size = sizeof(wrong[0]), .memory_type = PINNED_MEMORY_UNCACHED },
		{ .size = sizeof(wrong[0]), .memory_type = PINNED_MEMORY_WRITE_COMBINE },
		{ .size = sizeof(wrong[0]), .max_phys = UINT32_MAX },
		{ .size = sizeof(wrong[0]), .flags = PINNED_HEAP_NODE, .node = 0 },
		{ .size = sizeof(wrong[0]), .flags = PINNED_HEAP_NODE, .node = 5 },
		{ .size = sizeof(wrong[0]), .flags = PINNED_HEAP_CONTIGUOUS },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		errno = 0;
		ck_assert_ptr_null(pinned_heap_create(&wrong[i]));
		ck_assert_int_eq(errno, EINVAL);
	}
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		errno = 0;
		ck_assert_ptr_null(pinned_heap_create(&unknown[i]));
		ck_assert_int_eq(errno, EOPNOTSUPP);
	}
	ck_assert_int_eq(pinned_heap_destroy(NULL), 0);
}
END_TEST

/* Each thread uses a heap of its own and this one, which all threads share. */
static struct pinned_heap *shared;

static void *make_and_destroy(void *argument)
{
	unsigned int seed = (unsigned int)(uintptr_t)argument;

	for (int i = 0; i < 60; i++) {
		struct pinned_heap *heap = make_heap(0);

		for (int k = 0; k < 60; k++) {
			size_t size = 1 + (size_t)rand_r(&seed) % (k % 10 ? 3000 : 3000000);
			char *object = pinned_heap_malloc(k % 2 ? heap : shared, size);

			ck_assert_ptr_nonnull(object);
			object[0] = object[size - 1] = 'o';
			if (k % 2 == 0 || k % 4 == 1)
				pinned_free(object);
		}
		ck_assert_int_eq(pinned_heap_destroy(heap), 0);
	}
	return NULL;
}

/* Makes its checks without the Check library, whose locks do not survive a fork. */
static void use_heaps_in_child(void)
{
	struct pinned_heap *own = pinned_heap_create(NULL);
	char *object = pinned_heap_malloc(shared, 70000);

	memset(object, 's', 70000);
	pinned_free(memset(pinned_heap_malloc(own, 100), 'o', 100));
	end_child(pinned_heap_destroy(own) || object[69999] != 's');
}

START_TEST(threads_make_heaps_while_others_fork)
{
	pthread_t threads[3];

	shared = make_heap(0);
	for (size_t i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, make_and_destroy, (void *)(i + 1));
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			use_heaps_in_child();
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(figures(shared).object_bytes, 0);
	ck_assert_int_eq(pinned_heap_destroy(shared), 0);
	ck_assert_uint_eq(figures(NULL).object_bytes, 0);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, objects_of_all_sizes_come_and_go);
	tcase_add_test(tcase, a_moving_realloc_stays_in_the_heap);
	tcase_add_test(tcase, calloc_and_memalign_do_what_they_say);
	tcase_add_test(tcase, a_limit_is_the_heaps_alone);
	tcase_add_test(tcase, destroy_gives_all_back);
	tcase_add_loop_test_raise_signal(tcase, an_object_of_a_heap_that_has_gone_is_no_object,
					 SIGABRT, 0, SIZES);
	tcase_add_loop_test_raise_signal(tcase, double_free, SIGABRT, 0, SIZES);
	tcase_add_test(tcase, what_makes_no_sense_is_refused);
	tcase_add_test(tcase, threads_make_heaps_while_others_fork);
}

int main(void)
{
	return run_suite("heaps_are_separate", add);
}

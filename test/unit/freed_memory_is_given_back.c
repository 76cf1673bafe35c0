// SPDX-License-Identifier: MIT
/*
 * Protects the system from processes that keep memory they do not use: freed memory is
 * reused or given back, the limit is kept, and the statistics are correct. Arrays that grow in turn
 * leave few holes (Faults E21).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pinned.h"
#include "suite.h"

#define OBJECTS 20000

static struct pinned_stats get_stats(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_stats(&stats), 0);
	return stats;
}

START_TEST(purge_gives_all_back_when_all_is_free)
{
	static void *objects[OBJECTS];

	for (size_t i = 0; i < OBJECTS; i++)
		objects[i] = pinned_malloc(16 + i % 3000);
	ck_assert_uint_gt(get_stats().chunk_bytes, OBJECTS * 1500UL);
	for (size_t i = 0; i < OBJECTS; i++)
		pinned_free(objects[i]);
	ck_assert_uint_gt(pinned_purge(), 0);
	/* Each size class keeps one slab for its next object. */
	ck_assert_uint_le(get_stats().chunk_bytes, 4 * PINNED_CHUNK_SIZE);
	ck_assert_uint_eq(get_stats().object_bytes, 0);
	ck_assert_uint_eq(get_stats().empty_chunk_bytes, 0);
}
END_TEST

START_TEST(large_objects_reuse_chunks)
{
	uint64_t peak;

	pinned_free(pinned_malloc(10 * PINNED_CHUNK_SIZE));
	peak = get_stats().peak_chunk_bytes;
	for (int i = 0; i < 1000; i++)
		pinned_free(pinned_malloc(10 * PINNED_CHUNK_SIZE));
	ck_assert_uint_eq(get_stats().peak_chunk_bytes, peak);
	ck_assert_uint_le(get_stats().populate_calls, 2);
}
END_TEST

#define VECTORS 60
#define STEP ((size_t)4096)
#define STEPS 250

START_TEST(vectors_that_grow_in_turn_leave_few_holes)
{
	static unsigned char *vectors[VECTORS];

	for (size_t size = STEP; size <= STEPS * STEP; size += STEP)
		for (size_t i = 0; i < VECTORS; i++) {
			vectors[i] = pinned_realloc(vectors[i], size);
			ck_assert_ptr_nonnull(vectors[i]);
			vectors[i][size - 1] = (unsigned char)i;
			ck_assert_uint_eq(vectors[i][STEP - 1], i);
		}
	ck_assert_uint_le(get_stats().peak_chunk_bytes, VECTORS * STEPS * STEP / 4 * 7);
	for (size_t i = 0; i < VECTORS; i++)
		pinned_free(vectors[i]);
}
END_TEST

/* An array that has grown in small steps gives most of its memory back when it shrinks. */
START_TEST(an_array_shrinks)
{
	void *array = pinned_realloc(NULL, 700000);

	array = pinned_realloc(array, 710000);
	array = pinned_realloc(array, 800000);
	ck_assert_uint_le(pinned_usable_size(array), 1 << 20);
	array = pinned_realloc(array, 300000);
	ck_assert_uint_le(pinned_usable_size(array), 310000);
	pinned_free(array);
}
END_TEST

START_TEST(decay_of_zero_keeps_nothing)
{
	ck_assert_int_eq(setenv("PINNED_CONF", "backend:anon,decay_ms:0", 1), 0);
	pinned_free(pinned_malloc(10 * PINNED_CHUNK_SIZE));
	ck_assert_uint_eq(get_stats().chunk_bytes, 0);
	ck_assert_uint_gt(get_stats().punch_calls, 0);
}
END_TEST

START_TEST(limit_holds_and_what_is_there_survives)
{
	void *objects[16];
	size_t count = 0;

	ck_assert_int_eq(setenv("PINNED_CONF", "backend:anon,limit:8M", 1), 0);
	while (count < 16 && (objects[count] = pinned_malloc(PINNED_CHUNK_SIZE)))
		memset(objects[count++], 1, PINNED_CHUNK_SIZE);
	ck_assert_uint_eq(count, 4);
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(get_stats().chunk_bytes, 8UL << 20);
	ck_assert_uint_ge(get_stats().failed_allocs, 1);
	pinned_free(objects[0]);
	objects[0] = pinned_malloc(1500000);
	ck_assert_ptr_nonnull(objects[0]);
	while (count)
		pinned_free(objects[--count]);
}
END_TEST

START_TEST(scattered_empty_chunks_do_not_stand_in_the_way_of_a_large_object)
{
	/* The limit is used up, and every second chunk is empty: no two empty ones are adjacent. */
	void *objects[16];

	ck_assert_int_eq(setenv("PINNED_CONF", "backend:anon,limit:32M", 1), 0);
	for (int i = 0; i < 16; i++)
		objects[i] = pinned_malloc(PINNED_CHUNK_SIZE);
	for (int i = 0; i < 16; i += 2)
		pinned_free(objects[i]);
	objects[0] = pinned_malloc(8 * PINNED_CHUNK_SIZE);
	ck_assert_ptr_nonnull(objects[0]);
	pinned_free(objects[0]);
	for (int i = 1; i < 16; i += 2)
		pinned_free(objects[i]);
}
END_TEST

START_TEST(figures_follow_allocations)
{
	void *small = pinned_malloc(1000);
	void *large = pinned_malloc(3 * PINNED_CHUNK_SIZE);
	struct pinned_stats stats = get_stats();

	ck_assert_uint_eq(stats.large_bytes, 3 * PINNED_CHUNK_SIZE);
	ck_assert_uint_eq(stats.object_bytes - stats.cached_bytes, 3 * PINNED_CHUNK_SIZE + 1024);
	ck_assert_uint_ge(stats.arena_bytes, stats.chunk_bytes);
	pinned_free(small);
	pinned_free(large);
	stats = get_stats();
	ck_assert_uint_eq(stats.object_bytes - stats.cached_bytes, 0);
}
END_TEST

/* older_and_newer_callers.c tries the structure sizes of later releases. */
START_TEST(size_before_the_first_release_is_refused)
{
	struct pinned_stats stats = { .size = offsetof(struct pinned_stats, retained_bytes) };

	errno = 0;
	ck_assert_int_eq(pinned_stats(&stats), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, purge_gives_all_back_when_all_is_free);
	tcase_add_test(tcase, large_objects_reuse_chunks);
	tcase_add_test(tcase, vectors_that_grow_in_turn_leave_few_holes);
	tcase_add_test(tcase, an_array_shrinks);
	tcase_add_test(tcase, decay_of_zero_keeps_nothing);
	tcase_add_test(tcase, limit_holds_and_what_is_there_survives);
	tcase_add_test(tcase, scattered_empty_chunks_do_not_stand_in_the_way_of_a_large_object);
	tcase_add_test(tcase, figures_follow_allocations);
	tcase_add_test(tcase, size_before_the_first_release_is_refused);
}

int main(void)
{
	return run_suite("freed_memory_is_given_back", add);
}

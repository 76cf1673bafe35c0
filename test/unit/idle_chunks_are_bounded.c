// SPDX-License-Identifier: MIT
/*
 * Protects the system from processes that keep memory after a peak. What a process has freed goes
 * back in the call that frees, except for 8 MiB or an eighth of what is in use, so that a process
 * that sleeps afterwards keeps no more (Faults E18). Kept chunks go back evenly within decay_ms while
 * the program works (Faults E19). A program that frees and allocates the same chunks again and again
 * makes no system calls for them. The key idle sets another bound than 8 MiB.
 *
 * Functions of this file replace the library's system calls: they tell the time, and refuse to take
 * memory back.
 * Wraps: pn_sys_unmap pn_sys_now_ms
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pinned.h"
#include "suite.h"

#define MIB ((size_t)1 << 20)
#define LEAST (8 * MIB)
#define MEDIUM 1900000
#define DECAY_MS 10000

static uint64_t now_ms = 1000;
static bool must_refuse;
static size_t refused;

bool __wrap_pn_sys_unmap(void *addr, size_t size);
uint64_t __wrap_pn_sys_now_ms(void);
bool __real_pn_sys_unmap(void *addr, size_t size);

bool __wrap_pn_sys_unmap(void *addr, size_t size)
{
	if (must_refuse)
		refused++;
	return !must_refuse && __real_pn_sys_unmap(addr, size);
}

uint64_t __wrap_pn_sys_now_ms(void)
{
	return now_ms;
}

static struct pinned_stats get_stats(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_stats(&stats), 0);
	return stats;
}

static uint64_t idle_bytes(void)
{
	return get_stats().empty_chunk_bytes;
}

static uint64_t system_calls(void)
{
	struct pinned_stats stats = get_stats();

	return stats.populate_calls + stats.punch_calls;
}

#define OBJECTS_MAX 4096

/* Allocates @count objects of @size bytes, and then frees all of them. */
static void make_peak(size_t count, size_t size)
{
	static void *objects[OBJECTS_MAX];

	ck_assert_uint_le(count, OBJECTS_MAX);
	for (size_t i = 0; i < count; i++) {
		objects[i] = pinned_malloc(size);
		ck_assert_ptr_nonnull(objects[i]);
	}
	for (size_t i = 0; i < count; i++)
		pinned_free(objects[i]);
}

/* Takes slow paths, as a program does that works, and uses one chunk only. */
static void work(void)
{
	for (int i = 0; i < 32; i++)
		pinned_free(pinned_malloc(MEDIUM));
}

START_TEST(a_peak_goes_back_in_the_calls_that_free)
{
	static const struct {
		size_t count;
		size_t size;
	} peaks[] = { { 200, MEDIUM }, { 4000, 64 << 10 }, { 3000, 20000 }, { 3, 30 * MIB } };

	for (size_t i = 0; i < sizeof(peaks) / sizeof(peaks[0]); i++) {
		make_peak(peaks[i].count, peaks[i].size);
		ck_assert_uint_gt(get_stats().peak_chunk_bytes, 50 * MIB);
		ck_assert_uint_le(idle_bytes(), LEAST);
		/* Chunks that are needed again at once are kept, so forget what was needed. */
		now_ms += 2 * DECAY_MS;
	}
}
END_TEST

#define SMALL 30000

static void *make_small_peak(void *objects)
{
	void **small = objects;

	for (size_t i = 0; i < SMALL; i++)
		small[i] = pinned_malloc(2000);
	for (size_t i = 0; i < SMALL; i++)
		pinned_free(small[i]);
	return NULL;
}

START_TEST(a_thread_that_ends_leaves_little)
{
	static void *objects[SMALL];
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, make_small_peak, objects), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_gt(get_stats().peak_chunk_bytes, 50 * MIB);
	ck_assert_uint_le(idle_bytes(), LEAST);
}
END_TEST

START_TEST(a_heap_of_its_own_keeps_little)
{
	struct pinned_heap_options options = { .size = sizeof(options) };
	struct pinned_heap *heap = pinned_heap_create(&options);
	struct pinned_stats stats = { .size = sizeof(stats) };
	void *objects[50];

	ck_assert_ptr_nonnull(heap);
	for (size_t i = 0; i < 50; i++)
		objects[i] = pinned_heap_malloc(heap, MEDIUM);
	for (size_t i = 0; i < 50; i++)
		pinned_free(objects[i]);
	ck_assert_int_eq(pinned_heap_stats(heap, &stats), 0);
	ck_assert_uint_le(stats.chunk_bytes, LEAST);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
}
END_TEST

START_TEST(a_process_that_uses_much_keeps_an_eighth)
{
	void *in_use = pinned_malloc(512 * MIB);

	ck_assert_ptr_nonnull(in_use);
	make_peak(200, MEDIUM);
	ck_assert_uint_le(idle_bytes(), 66 * MIB);
	ck_assert_uint_ge(idle_bytes(), 48 * MIB);
	pinned_free(in_use);
	work();
	ck_assert_uint_le(idle_bytes(), LEAST);
}
END_TEST

START_TEST(what_is_needed_again_at_once_is_kept)
{
	uint64_t before;

	for (int i = 0; i < 4; i++)
		make_peak(40, MEDIUM);
	before = system_calls();
	for (int i = 0; i < 50; i++)
		make_peak(40, MEDIUM);
	ck_assert_uint_eq(system_calls(), before);
	/* One object of many chunks. */
	for (int i = 0; i < 4; i++)
		pinned_free(pinned_malloc(30 * MIB));
	before = system_calls();
	for (int i = 0; i < 50; i++)
		pinned_free(pinned_malloc(30 * MIB));
	ck_assert_uint_eq(system_calls(), before);
	ck_assert_uint_le(idle_bytes(), 128 * MIB + LEAST);
}
END_TEST

START_TEST(what_is_not_needed_again_decays_evenly)
{
	uint64_t before, begin;

	for (int i = 0; i < 5; i++)
		make_peak(60, MEDIUM);
	begin = idle_bytes();
	ck_assert_uint_ge(begin, 100 * MIB);
	before = begin;
	for (int quarter = 1; quarter <= 4; quarter++) {
		now_ms += DECAY_MS / 4 + 1;
		for (int i = 0; i < 20; i++)
			work();
		ck_assert_uint_lt(idle_bytes(), before);
		before = idle_bytes();
		if (quarter == 1)
			ck_assert_uint_ge(before, begin / 4);
		if (quarter == 2)
			ck_assert_uint_le(before, begin / 4 * 3);
	}
	/* The chunk in which the work is done is never idle for long. */
	ck_assert_uint_le(idle_bytes(), 2 * MIB);
	/* The heap has forgotten that chunks were needed again. */
	make_peak(60, MEDIUM);
	ck_assert_uint_le(idle_bytes(), LEAST);
}
END_TEST

/* The kernel refuses if the process has too many mappings. */
START_TEST(what_cannot_go_back_is_not_offered_in_each_call)
{
	make_peak(10, MEDIUM);
	must_refuse = true;
	make_peak(100, MEDIUM);
	ck_assert_uint_gt(refused, 0);
	refused = 0;
	for (int i = 0; i < 10; i++)
		make_peak(90, MEDIUM);
	ck_assert_uint_le(refused, 2);
	must_refuse = false;
	pinned_purge();
	ck_assert_uint_eq(idle_bytes(), 0);
}
END_TEST

START_TEST(the_key_idle_says_how_much_is_kept)
{
	uint64_t before;

	setenv("PINNED_CONF", "backend:anon,idle:400M", 1);
	make_peak(400, MEDIUM);
	ck_assert_uint_le(idle_bytes(), 400 * MIB);
	ck_assert_uint_ge(idle_bytes(), 380 * MIB);
	/* Without the key, these 360 MiB would be too many. */
	before = system_calls();
	for (int i = 0; i < 5; i++)
		make_peak(180, MEDIUM);
	ck_assert_uint_eq(system_calls(), before);
	now_ms += DECAY_MS + 1;
	for (int i = 0; i < 40; i++)
		work();
	ck_assert_uint_le(idle_bytes(), 2 * MIB);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, a_peak_goes_back_in_the_calls_that_free);
	tcase_add_test(tcase, a_thread_that_ends_leaves_little);
	tcase_add_test(tcase, a_heap_of_its_own_keeps_little);
	tcase_add_test(tcase, a_process_that_uses_much_keeps_an_eighth);
	tcase_add_test(tcase, what_is_needed_again_at_once_is_kept);
	tcase_add_test(tcase, the_key_idle_says_how_much_is_kept);
	tcase_add_test(tcase, what_is_not_needed_again_decays_evenly);
	tcase_add_test(tcase, what_cannot_go_back_is_not_offered_in_each_call);
}

int main(void)
{
	setenv("PINNED_CONF", "backend:anon", 1);
	return run_suite("idle_chunks_are_bounded", add);
}

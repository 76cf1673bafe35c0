// SPDX-License-Identifier: MIT
/*
 * Protects real-time programs: with the key realtime, the heap has its chunks at the start, gives
 * none back whatever is freed or purged, and uses them again; what it obtains beyond that it keeps,
 * too. A heap of its own gives its chunks back as ever. A forked child allocates and frees.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "pinned.h"
#include "suite.h"

#define MIB ((size_t)1 << 20)
#define CHUNKS 8

static struct pinned_stats get_stats(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_stats(&stats), 0);
	return stats;
}

static void start(const char *words)
{
	setenv("PINNED_CONF", words, 1);
	pinned_free(pinned_malloc(1));
}

/* 15 MiB and some more are eight chunks. */
START_TEST(chunks_are_there_at_the_start_and_stay)
{
	struct pinned_stats stats;

	start("backend:anon,realtime:15M,decay_ms:0");
	stats = get_stats();
	ck_assert_uint_eq(stats.chunk_bytes, CHUNKS * 2 * MIB);
	for (int i = 0; i < 100; i++) {
		pinned_free(pinned_malloc(7 * MIB));
		pinned_free(pinned_malloc(100000));
		pinned_free(pinned_malloc(100));
	}
	pinned_purge();
	ck_assert_uint_eq(get_stats().chunk_bytes, CHUNKS * 2 * MIB);
	ck_assert_uint_eq(get_stats().populate_calls, stats.populate_calls);
	ck_assert_uint_eq(get_stats().punch_calls, 0);
}
END_TEST

START_TEST(what_is_obtained_later_stays)
{
	void *object;

	start("backend:anon,realtime:16M,decay_ms:0");
	object = pinned_malloc(40 * MIB);
	ck_assert_ptr_nonnull(object);
	ck_assert_uint_ge(get_stats().chunk_bytes, 40 * MIB);
	pinned_free(object);
	pinned_purge();
	ck_assert_uint_ge(get_stats().chunk_bytes, 40 * MIB);
	ck_assert_uint_eq(get_stats().punch_calls, 0);
}
END_TEST

START_TEST(guards_have_no_effect)
{
	uint64_t calls;

	start("backend:anon,realtime:16M,guard:1");
	calls = get_stats().populate_calls;
	pinned_free(pinned_malloc(5 * MIB));
	pinned_free(pinned_malloc(5000));
	ck_assert_uint_eq(get_stats().populate_calls, calls);
}
END_TEST

START_TEST(another_heap_gives_back)
{
	struct pinned_heap_options options = { .size = sizeof(options) };
	struct pinned_heap *heap;

	start("backend:anon,realtime:16M");
	heap = pinned_heap_create(&options);
	ck_assert_ptr_nonnull(heap);
	pinned_free(pinned_heap_malloc(heap, 30 * MIB));
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
	ck_assert_uint_eq(get_stats().chunk_bytes, CHUNKS * 2 * MIB);
}
END_TEST

START_TEST(more_than_there_is_makes_no_heap)
{
	start("backend:anon,realtime:16M,limit:8M");
	ck_assert_ptr_null(pinned_malloc(1));
	ck_assert_uint_eq(get_stats().chunk_bytes, 0);
}
END_TEST

START_TEST(a_forked_child_allocates)
{
	char *object;
	int status;
	pid_t pid;

	start("backend:anon,realtime:16M");
	object = pinned_malloc(3 * MIB);
	memset(object, 1, 3 * MIB);
	pid = fork();
	if (!pid) {
		char *own = pinned_malloc(5 * MIB);
		bool is_right = own && object[3 * MIB - 1] == 1;

		pinned_free(object);
		pinned_free(own);
		pinned_purge();
		end_child(is_right ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(get_stats().chunk_bytes, CHUNKS * 2 * MIB);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, chunks_are_there_at_the_start_and_stay);
	tcase_add_test(tcase, what_is_obtained_later_stays);
	tcase_add_test(tcase, guards_have_no_effect);
	tcase_add_test(tcase, another_heap_gives_back);
	tcase_add_test(tcase, more_than_there_is_makes_no_heap);
	tcase_add_test(tcase, a_forked_child_allocates);
}

int main(void)
{
	return run_suite("realtime_heap_keeps_its_chunks", add);
}

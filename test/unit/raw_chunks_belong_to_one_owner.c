// SPDX-License-Identifier: MIT
/*
 * Protects allocators that are built on raw chunks: nobody else gets the chunks of a run, which is
 * aligned, zeroed on request, and can be given back in parts. It also protects the heap from such
 * allocators: memory that is not a raw chunk is refused when it is given back (Faults B34).
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "arena/arena.h"
#include "pinned.h"
#include "suite.h"

static uint64_t raw_bytes(struct pinned_heap *heap)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_heap_stats(heap, &stats), 0);
	return stats.large_bytes;
}

static char *take(struct pinned_heap *heap, size_t count, unsigned int flags)
{
	char *chunks = pinned_chunks_alloc(heap, count, PINNED_CHUNK_SIZE, flags, NULL, NULL);

	ck_assert_ptr_nonnull(chunks);
	ck_assert_uint_eq((uintptr_t)chunks % PINNED_CHUNK_SIZE, 0);
	return chunks;
}

START_TEST(runs_are_given_back_in_parts_and_joined)
{
	struct pinned_heap *heap = pinned_heap_create(NULL);
	char *run = take(heap, 10, 0), *next = take(heap, 3, 0);

	memset(run, 'r', 10 * PINNED_CHUNK_SIZE);
	ck_assert_uint_eq(raw_bytes(heap), 13 * PINNED_CHUNK_SIZE);
	ck_assert_int_eq(pinned_chunks_free(run + 2 * PINNED_CHUNK_SIZE, 3), 0);
	ck_assert_int_eq(run[0], 'r');
	ck_assert_int_eq(run[10 * PINNED_CHUNK_SIZE - 1], 'r');
	ck_assert_uint_eq(raw_bytes(heap), 10 * PINNED_CHUNK_SIZE);
	ck_assert_int_eq(pinned_chunks_free(run, 2), 0);
	if (next == run + 10 * PINNED_CHUNK_SIZE)
		ck_assert_int_eq(pinned_chunks_free(run + 5 * PINNED_CHUNK_SIZE, 8), 0);
	pinned_purge();
	ck_assert_int_eq(pinned_owns(run), 0);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
}
END_TEST

START_TEST(zeroed_means_zeroed)
{
	char *run = take(NULL, 2, 0);

	memset(run, 'r', 2 * PINNED_CHUNK_SIZE);
	ck_assert_int_eq(pinned_chunks_free(run, 2), 0);
	run = take(NULL, 2, PINNED_CHUNKS_ZEROED);
	ck_assert(!run[0] && !memcmp(run, run + 1, 2 * PINNED_CHUNK_SIZE - 1));
	ck_assert_int_eq(pinned_chunks_free(run, 2), 0);
}
END_TEST

START_TEST(runs_are_aligned)
{
	for (size_t alignment = PINNED_CHUNK_SIZE; alignment <= (64 << 20); alignment *= 2) {
		char *run = pinned_chunks_alloc(NULL, 3, alignment, 0, NULL, NULL);

		ck_assert_uint_eq((uintptr_t)run % alignment, 0);
		ck_assert_int_eq(pinned_chunks_free(run, 3), 0);
	}
	ck_assert_ptr_null(pinned_chunks_alloc(NULL, 1, SIZE_MAX / 2 + 1, 0, NULL, NULL));
	ck_assert_int_eq(errno, ENOMEM);
}
END_TEST

START_TEST(extents_are_told)
{
	struct pinned_extent extents[4] = { { 0 } };
	size_t count = 4;
	char *run;

	/* The anon backend knows no physical addresses. */
	run = pinned_chunks_alloc(NULL, 2, PINNED_CHUNK_SIZE, 0, extents, &count);
	ck_assert_uint_eq(count, 0);
	pn_arena.phys[pn_arena_offset(run) >> PN_CHUNK_SHIFT] = 0x40000000 + 1;
	ck_assert_uint_eq(pinned_v2p(run + 77), 0x40000000 + 77);
	ck_assert_int_eq(pinned_chunks_free(run, 2), 0);
	pinned_purge();
	ck_assert_uint_eq(pinned_v2p(run + 77), PINNED_NO_PHYS);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	char *run = take(NULL, 2, 0), *object = pinned_malloc(4 * PINNED_CHUNK_SIZE);
	struct pinned_heap *heap = pinned_heap_create(NULL);
	uint64_t before = raw_bytes(NULL);

	ck_assert_ptr_null(pinned_chunks_alloc(NULL, 0, PINNED_CHUNK_SIZE, 0, NULL, NULL));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(pinned_chunks_alloc(NULL, 1, 4096, 0, NULL, NULL));
	ck_assert_ptr_null(pinned_chunks_alloc(NULL, 1, 3 * PINNED_CHUNK_SIZE, 0, NULL, NULL));
	ck_assert_ptr_null(pinned_chunks_alloc(NULL, 1, PINNED_CHUNK_SIZE, 64, NULL, NULL));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(pinned_chunks_alloc(NULL, SIZE_MAX, PINNED_CHUNK_SIZE, 0, NULL, NULL));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_ptr_null(pinned_chunks_alloc(NULL, 2, PINNED_CHUNK_SIZE, PINNED_CHUNKS_CONTIGUOUS,
					       NULL, NULL));
	ck_assert_int_eq(errno, EOPNOTSUPP);
	errno = 0;
	ck_assert_int_eq(pinned_chunks_free(object, 4), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(pinned_chunks_free(run, 3), -1);
	ck_assert_int_eq(pinned_chunks_free(run, 0), -1);
	ck_assert_int_eq(pinned_chunks_free(run + 4096, 1), -1);
	ck_assert_int_eq(pinned_chunks_free(run, SIZE_MAX), -1);
	ck_assert_int_eq(pinned_chunks_free(&before, 1), -1);
	ck_assert_uint_eq(raw_bytes(NULL), before);
	ck_assert_int_eq(pinned_chunks_free(run, 2), 0);
	ck_assert_int_eq(pinned_chunks_free(run, 2), -1);
	pinned_free(object);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
}
END_TEST

START_TEST(free_of_a_raw_chunk)
{
	pinned_free(take(NULL, 2, 0));
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, runs_are_given_back_in_parts_and_joined);
	tcase_add_test(tcase, zeroed_means_zeroed);
	tcase_add_test(tcase, runs_are_aligned);
	tcase_add_test(tcase, extents_are_told);
	tcase_add_test(tcase, what_makes_no_sense_is_refused);
	tcase_add_test_raise_signal(tcase, free_of_a_raw_chunk, SIGABRT);
}

int main(void)
{
	return run_suite("raw_chunks_belong_to_one_owner", add);
}

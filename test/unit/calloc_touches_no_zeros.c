// SPDX-License-Identifier: MIT
/*
 * Protects programs that allocate large zeroed objects and use little of them: calloc() writes
 * nothing to memory that is zeros already, and a huge object on ordinary memory goes back to the
 * system when it is freed (Faults E26).
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "arena/arena.h"
#include "pinned.h"
#include "suite.h"

#define HUGE ((size_t)128 << 20)
#define USED (5 * PN_CHUNK_SIZE)

static struct pinned_stats get_stats(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_stats(&stats), 0);
	return stats;
}

/* Returns how many bytes of the object have pages. */
static size_t resident(void *object, size_t size)
{
	static unsigned char pages[HUGE / PN_PAGE_SIZE];
	size_t count = 0;

	ck_assert_int_eq(mincore(object, size, pages), 0);
	for (size_t i = 0; i < size / PN_PAGE_SIZE; i++)
		count += pages[i] & 1;
	return count * PN_PAGE_SIZE;
}

START_TEST(a_huge_object_is_new_each_time)
{
	uint64_t before = get_stats().chunk_bytes;

	for (int i = 0; i < 20; i++) {
		char *object = pinned_calloc(1, HUGE);

		ck_assert_ptr_nonnull(object);
		ck_assert_uint_eq(resident(object, HUGE), 0);
		object[HUGE / 2] = 1;
		pinned_free(object);
		ck_assert_uint_eq(get_stats().chunk_bytes, before);
	}
}
END_TEST

START_TEST(only_used_chunks_are_zeroed)
{
	char *used = pinned_malloc(USED), *object;

	memset(used, 7, USED);
	pinned_free(used);
	object = pinned_calloc(1, HUGE);
	/* Otherwise the object contains no used chunk, and the test shows nothing. */
	ck_assert_ptr_eq(object, used);
	ck_assert_uint_le(resident(object, HUGE), USED);
	ck_assert_int_eq(object[0], 0);
	ck_assert_int_eq(memcmp(object, object + 1, HUGE - 1), 0);
	pinned_free(object);
}
END_TEST

START_TEST(what_a_large_object_has_used_is_zeroed)
{
	char *object = pinned_calloc(1, USED);

	memset(object, 7, USED);
	object = pinned_realloc(object, 2 * USED);
	memset(object, 7, 2 * USED);
	object = pinned_realloc(object, USED);
	pinned_free(object);
	object = pinned_calloc(1, 3 * USED);
	ck_assert_int_eq(object[0], 0);
	ck_assert_int_eq(memcmp(object, object + 1, 3 * USED - 1), 0);
	pinned_free(object);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, a_huge_object_is_new_each_time);
	tcase_add_test(tcase, only_used_chunks_are_zeroed);
	tcase_add_test(tcase, what_a_large_object_has_used_is_zeroed);
}

int main(void)
{
	return run_suite("calloc_touches_no_zeros", add);
}

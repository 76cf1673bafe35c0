// SPDX-License-Identifier: MIT
/*
 * Protects callers of pinned_malloc() and its relatives: each object has the size, the alignment
 * and the content that they promise, errno is as documented, and no two objects overlap (Faults
 * B37).
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "pinned.h"
#include "suite.h"

static const size_t sizes[] = {
	0,    1,    15,	  16,	 17,	37,	64,	 100,	  1000,	   1024,    1025,
	2048, 4096, 5000, 65536, 65537, 131072, 1000000, 2097152, 2097153, 5000000, 20000000,
};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void fill(unsigned char *object, size_t size, unsigned char seed)
{
	for (size_t i = 0; i<size; i += size> 4096 ? 509 : 1)
		object[i] = (unsigned char)(seed + i);
	if (size)
		object[size - 1] = seed;
}

static void verify(const unsigned char *object, size_t size, unsigned char seed)
{
	for (size_t i = 0; i + 1 < size; i += size > 4096 ? 509 : 1)
		if (object[i] != (unsigned char)(seed + i))
			ck_abort_msg("byte %zu of %zu", i, size);
	if (size)
		ck_assert_uint_eq(object[size - 1], seed);
}

START_TEST(objects_of_all_sizes_do_not_overlap)
{
	unsigned char *objects[SIZES][8];

	for (size_t i = 0; i < SIZES; i++)
		for (unsigned char k = 0; k < 8; k++) {
			objects[i][k] = pinned_malloc(sizes[i]);
			ck_assert_ptr_nonnull(objects[i][k]);
			ck_assert_uint_eq((uintptr_t)objects[i][k] % 16, 0);
			ck_assert_uint_ge(pinned_usable_size(objects[i][k]), sizes[i]);
			ck_assert_int_eq(pinned_owns(objects[i][k]), 1);
			fill(objects[i][k], sizes[i], k);
		}
	for (size_t i = 0; i < SIZES; i++)
		for (unsigned char k = 0; k < 8; k++) {
			verify(objects[i][k], sizes[i], k);
			pinned_free(objects[i][k]);
		}
}
END_TEST

START_TEST(usable_size_is_the_next_power_of_two)
{
	void *object = pinned_malloc(37);

	ck_assert_uint_eq(pinned_usable_size(object), 64);
	pinned_free(object);
	object = pinned_malloc(PINNED_CHUNK_SIZE + 1);
	ck_assert_uint_eq(pinned_usable_size(object), 2 * PINNED_CHUNK_SIZE);
	pinned_free(object);
	ck_assert_uint_eq(pinned_usable_size(NULL), 0);
}
END_TEST

START_TEST(calloc_gives_zeros_also_of_used_memory)
{
	for (size_t i = 0; i < SIZES; i++) {
		unsigned char *object = pinned_malloc(sizes[i]);

		memset(object, 0xa5, sizes[i]);
		pinned_free(object);
		object = pinned_calloc(1, sizes[i]);
		for (size_t k = 0; k < sizes[i]; k++)
			if (object[k])
				ck_abort_msg("byte %zu of %zu is not zero", k, sizes[i]);
		pinned_free(object);
	}
}
END_TEST

START_TEST(impossible_sizes_end_in_enomem)
{
	/* Volatile, because the compiler would reject these calls if it knew the sizes. */
	volatile size_t half = SIZE_MAX / 2;

	errno = 0;
	ck_assert_ptr_null(pinned_calloc(half, 3));
	ck_assert_int_eq(errno, ENOMEM);
	errno = 0;
	ck_assert_ptr_null(pinned_malloc(half * 2 + 1));
	ck_assert_int_eq(errno, ENOMEM);
	errno = 0;
	ck_assert_ptr_null(pinned_malloc(half + 1));
	ck_assert_int_eq(errno, ENOMEM);
	errno = 0;
	ck_assert_ptr_null(pinned_memalign(half / 2 + 1, 1));
	ck_assert_int_eq(errno, ENOMEM);
}
END_TEST

START_TEST(realloc_keeps_content_in_both_directions)
{
	unsigned char *object = pinned_realloc(NULL, 1);

	object[0] = 7;
	for (size_t i = 1; i < SIZES; i++) {
		size_t old = sizes[i - 1] ? sizes[i - 1] : 1;

		object = pinned_realloc(object, sizes[i]);
		verify(object, i > 1 ? old : 0, 7);
		fill(object, sizes[i], 7);
	}
	for (size_t i = SIZES - 1; i > 1; i--) {
		object = pinned_realloc(object, sizes[i - 1]);
		for (size_t k = 0; k + 1 < sizes[i - 1] && k < 4096; k += 509)
			ck_assert_uint_eq(object[k], (unsigned char)(7 + k));
	}
	ck_assert_ptr_null(pinned_realloc(object, 0));
}
END_TEST

/* Objects of all kinds: in a slab, medium, as large as a chunk, and larger. */
START_TEST(failed_realloc_leaves_the_object)
{
	static const size_t lengths[] = {
		100, 5000, 40000, 100000, (size_t)2 << 20, (size_t)6 << 20
	};
	volatile size_t impossible[] = { SIZE_MAX,	  SIZE_MAX - 1,	   SIZE_MAX - 64,
					 SIZE_MAX - 4095, SIZE_MAX - 8192, SIZE_MAX / 2 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		unsigned char *object = pinned_malloc(lengths[i]);

		fill(object, lengths[i], 3);
		for (size_t k = 0; k < sizeof(impossible) / sizeof(*impossible); k++) {
			errno = 0;
			ck_assert_ptr_null(pinned_realloc(object, impossible[k]));
			ck_assert_int_eq(errno, ENOMEM);
			ck_assert_uint_ge(pinned_usable_size(object), lengths[i]);
			verify(object, lengths[i], 3);
		}
		pinned_free(object);
	}
}
END_TEST

START_TEST(memalign_aligns_up_to_the_promised)
{
	size_t most = (size_t)1 << (sizeof(size_t) > 4 ? 30 : 26);

	for (size_t alignment = 1; alignment <= most; alignment *= 2)
		for (size_t size = 1; size <= 300000; size = size * 7 + 1) {
			unsigned char *object = pinned_memalign(alignment, size);

			ck_assert_ptr_nonnull(object);
			ck_assert_uint_eq((uintptr_t)object % alignment, 0);
			ck_assert_uint_ge(pinned_usable_size(object), size);
			fill(object, size, 1);
			verify(object, size, 1);
			pinned_free(object);
		}
}
END_TEST

START_TEST(memalign_refuses_what_is_no_power_of_two)
{
	static const size_t bad[] = { 0, 3, 48, SIZE_MAX };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		ck_assert_ptr_null(pinned_memalign(bad[i], 10));
		ck_assert_int_eq(errno, EINVAL);
	}
}
END_TEST

START_TEST(large_objects_begin_in_different_cache_sets)
{
	/* Slab colouring spreads objects; with natural alignment all would have the same offset. */
	char *objects[64];
	size_t distinct = 0;

	for (size_t i = 0; i < 64; i++)
		objects[i] = pinned_malloc(4096);
	for (size_t i = 0; i < 64; i++) {
		size_t k = 0;

		while (k < i && (uintptr_t)objects[k] % 4096 != (uintptr_t)objects[i] % 4096)
			k++;
		distinct += k == i;
	}
	ck_assert_uint_ge(distinct, 15);
	for (size_t i = 0; i < 64; i++)
		pinned_free(objects[i]);
}
END_TEST

START_TEST(free_keeps_errno)
{
	/* An allocation may set errno even if it succeeds. */
	for (size_t i = 0; i < SIZES; i++) {
		void *object = pinned_malloc(sizes[i]);

		errno = EDOM;
		pinned_free(object);
		ck_assert_int_eq(errno, EDOM);
	}
	pinned_free(NULL);
	ck_assert_int_eq(errno, EDOM);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, objects_of_all_sizes_do_not_overlap);
	tcase_add_test(tcase, usable_size_is_the_next_power_of_two);
	tcase_add_test(tcase, calloc_gives_zeros_also_of_used_memory);
	tcase_add_test(tcase, impossible_sizes_end_in_enomem);
	tcase_add_test(tcase, realloc_keeps_content_in_both_directions);
	tcase_add_test(tcase, failed_realloc_leaves_the_object);
	tcase_add_test(tcase, memalign_aligns_up_to_the_promised);
	tcase_add_test(tcase, memalign_refuses_what_is_no_power_of_two);
	tcase_add_test(tcase, large_objects_begin_in_different_cache_sets);
	tcase_add_test(tcase, free_keeps_errno);
}

int main(void)
{
	return run_suite("objects_are_as_promised", add);
}

// SPDX-License-Identifier: MIT
/*
 * Protects callers of pinned_v2p(): it returns a physical address that the backend has
 * given, or none, but never a guess. The anon backend knows no physical addresses, so
 * this test fills the table with invented ones; tests in a guest with the driver check
 * real addresses.
 */
#include <errno.h>
#include <stdint.h>

#include "arena/arena.h"
#include "pinned.h"
#include "suite.h"

static void set_phys(const void *object, size_t chunk, uint64_t phys)
{
	pn_arena.phys[(pn_arena_offset(object) >> PN_CHUNK_SHIFT) + chunk] = phys + 1;
}

START_TEST(unknown_pointers_have_no_physical_address)
{
	int local = 0;
	void *object = pinned_malloc(100);
	struct pinned_extent extent;

	ck_assert_uint_eq(pinned_v2p(&local), PINNED_NO_PHYS);
	ck_assert_uint_eq(pinned_v2p(NULL), PINNED_NO_PHYS);
	ck_assert_uint_eq(pinned_v2p((void *)UINTPTR_MAX), PINNED_NO_PHYS);
	ck_assert_uint_eq(pinned_v2p(object), PINNED_NO_PHYS);
	ck_assert_int_eq(pinned_owns(&local), 0);
	ck_assert_int_eq(pinned_owns(NULL), 0);
	ck_assert_int_eq(pinned_owns((char *)object + 100 * PINNED_CHUNK_SIZE), 0);
	errno = 0;
	ck_assert_int_eq(pinned_v2p_sg(object, 100, &extent, 1), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_ptr_null(pinned_p2v(0x123456789000));
	pinned_free(object);
}
END_TEST

START_TEST(before_the_first_allocation_nothing_is_pinned)
{
	int local = 0;

	ck_assert_uint_eq(pinned_v2p(&local), PINNED_NO_PHYS);
	ck_assert_int_eq(pinned_owns(&local), 0);
	ck_assert_ptr_null(pinned_p2v(0));
	pinned_free(NULL);
}
END_TEST

START_TEST(interior_pointers_translate_and_come_back)
{
	char *object = pinned_malloc(5000);

	set_phys(object, 0, 0x40000000);
	for (size_t at = 0; at < 5000; at += 7) {
		uint64_t phys = pinned_v2p(object + at);

		ck_assert_uint_eq(phys,
				  0x40000000 + (pn_arena_offset(object + at) & PN_CHUNK_MASK));
		ck_assert_ptr_eq(pinned_p2v(phys), object + at);
	}
	pinned_free(object);
}
END_TEST

START_TEST(physical_address_zero_is_an_address)
{
	char *object = pinned_memalign(PINNED_CHUNK_SIZE, PINNED_CHUNK_SIZE);

	set_phys(object, 0, 0);
	ck_assert_uint_eq(pinned_v2p(object + 5), 5);
	pinned_free(object);
}
END_TEST

START_TEST(extents_join_where_chunks_are_neighbours)
{
	char *object = pinned_malloc(4 * PINNED_CHUNK_SIZE);
	struct pinned_extent extents[4];

	set_phys(object, 0, 0x10000000);
	set_phys(object, 1, 0x10200000);
	set_phys(object, 2, 0x20000000);
	set_phys(object, 3, 0x1fe00000);
	ck_assert_int_eq(pinned_v2p_sg(object, 4 * PINNED_CHUNK_SIZE, extents, 4), 3);
	ck_assert_uint_eq(extents[0].phys, 0x10000000);
	ck_assert_uint_eq(extents[0].len, 2 * PINNED_CHUNK_SIZE);
	ck_assert_uint_eq(extents[1].phys, 0x20000000);
	ck_assert_uint_eq(extents[2].phys, 0x1fe00000);
	ck_assert_int_eq(pinned_v2p_sg(object + PINNED_CHUNK_SIZE - 10, 20, extents, 4), 1);
	ck_assert_uint_eq(extents[0].phys, 0x10000000 + PINNED_CHUNK_SIZE - 10);
	ck_assert_uint_eq(extents[0].len, 20);
	ck_assert_int_eq(pinned_v2p_sg(object, 0, extents, 4), 0);
	pinned_free(object);
}
END_TEST

START_TEST(too_few_extents_are_told_by_the_count)
{
	char *object = pinned_malloc(3 * PINNED_CHUNK_SIZE);
	struct pinned_extent extents[2] = { { 0 }, { 77, 77 } };

	set_phys(object, 0, 0x10000000);
	set_phys(object, 1, 0x30000000);
	set_phys(object, 2, 0x50000000);
	ck_assert_int_eq(pinned_v2p_sg(object, 3 * PINNED_CHUNK_SIZE, extents, 1), 3);
	ck_assert_uint_eq(extents[0].len, PINNED_CHUNK_SIZE);
	ck_assert_uint_eq(extents[1].len, 77);
	ck_assert_int_eq(pinned_v2p_sg(object, 3 * PINNED_CHUNK_SIZE, NULL, 0), 3);
	pinned_free(object);
}
END_TEST

START_TEST(what_was_given_back_has_no_physical_address)
{
	char *object = pinned_malloc(2 * PINNED_CHUNK_SIZE);

	set_phys(object, 0, 0x10000000);
	pinned_free(object);
	pinned_purge();
	ck_assert_uint_eq(pinned_v2p(object), PINNED_NO_PHYS);
	ck_assert_int_eq(pinned_owns(object), 0);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, unknown_pointers_have_no_physical_address);
	tcase_add_test(tcase, before_the_first_allocation_nothing_is_pinned);
	tcase_add_test(tcase, interior_pointers_translate_and_come_back);
	tcase_add_test(tcase, physical_address_zero_is_an_address);
	tcase_add_test(tcase, extents_join_where_chunks_are_neighbours);
	tcase_add_test(tcase, too_few_extents_are_told_by_the_count);
	tcase_add_test(tcase, what_was_given_back_has_no_physical_address);
}

int main(void)
{
	return run_suite("translation_never_guesses", add);
}

// SPDX-License-Identifier: MIT
/*
 * Protects programs from the consequences of their own misuse: every misuse of free() and
 * its relatives that the library can detect aborts the process every time, for objects in
 * slabs, in thread caches and of whole chunks (Faults B34).
 */
#include <signal.h>
#include <stdint.h>

#include "pinned.h"
#include "suite.h"

static const size_t sizes[] = { 1, 64, 1024, 4096, 65536, 131072, 2097152, 6000000 };
#define SIZES ((int)(sizeof(sizes) / sizeof(sizes[0])))

START_TEST(double_free)
{
	void *object = pinned_malloc(sizes[_i]);

	pinned_free(object);
	pinned_free(object);
}
END_TEST

START_TEST(double_free_with_others_between)
{
	void *kept[300];
	void *object = pinned_malloc(sizes[_i]);

	pinned_free(object);
	for (int i = 0; i < 300; i++) {
		kept[i] = pinned_malloc(200); /* another class */
		if (i % 3)
			pinned_free(kept[i]);
	}
	pinned_free(object);
}
END_TEST

START_TEST(free_of_an_interior_pointer)
{
	char *object = pinned_malloc(sizes[_i]);

	pinned_free(object + (sizes[_i] > 1 ? sizes[_i] / 2 : 1));
}
END_TEST

START_TEST(free_of_an_arena_address_never_handed_out)
{
	char *object = pinned_malloc(64);

	pinned_free((char *)((uintptr_t)object | (PINNED_CHUNK_SIZE - 64)));
}
END_TEST

START_TEST(free_of_an_arena_address_without_memory)
{
	char *object = pinned_malloc(64);

	pinned_free(object + 100 * PINNED_CHUNK_SIZE);
}
END_TEST

START_TEST(free_of_a_foreign_pointer)
{
	static int foreign;

	pinned_free(&foreign);
}
END_TEST

START_TEST(realloc_of_a_freed_object)
{
	void *object = pinned_malloc(sizes[_i]);

	pinned_free(object);
	object = pinned_realloc(object, 100);
	ck_assert_ptr_null(object);
}
END_TEST

START_TEST(usable_size_of_a_freed_object)
{
	void *object = pinned_malloc(sizes[_i]);

	pinned_free(object);
	ck_assert_uint_eq(pinned_usable_size(object), 0);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test_raise_signal(tcase, double_free, SIGABRT, 0, SIZES);
	/*
	 * Larger objects give their memory back, and one of the 300 others may get their address.
	 */
	tcase_add_loop_test_raise_signal(tcase, double_free_with_others_between, SIGABRT, 0, 5);
	tcase_add_loop_test_raise_signal(tcase, free_of_an_interior_pointer, SIGABRT, 0, SIZES);
	tcase_add_test_raise_signal(tcase, free_of_an_arena_address_never_handed_out, SIGABRT);
	tcase_add_test_raise_signal(tcase, free_of_an_arena_address_without_memory, SIGABRT);
	tcase_add_test_raise_signal(tcase, free_of_a_foreign_pointer, SIGABRT);
	tcase_add_loop_test_raise_signal(tcase, realloc_of_a_freed_object, SIGABRT, 0, SIZES);
	tcase_add_loop_test_raise_signal(tcase, usable_size_of_a_freed_object, SIGABRT, 0, SIZES);
}

int main(void)
{
	return run_suite("misuse_aborts", add);
}

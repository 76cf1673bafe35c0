// SPDX-License-Identifier: MIT
/*
 * Protects threads that work with medium objects at the same time: a thread that frees medium
 * objects and allocates others of similar sizes finds nearly all of them in its cache, and takes
 * the arena's lock, which all threads share, for one of eight at most (Faults E24).
 * Wraps: pn_pages_take_locked
 */
#include "chunk/pages.h"
#include "pinned.h"
#include "suite.h"

#define OBJECTS 16
#define LEAST_SIZE 60000
#define SIZES 30000

/* The caches grow during the first replacements, which are not counted. */
#define FIRST 500
#define COUNTED 2000

size_t __wrap_pn_pages_take_locked(struct pn_heap *heap, size_t count, size_t alignment,
				   bool *is_zeroed);
size_t __real_pn_pages_take_locked(struct pn_heap *heap, size_t count, size_t alignment,
				   bool *is_zeroed);
static size_t taken;

size_t __wrap_pn_pages_take_locked(struct pn_heap *heap, size_t count, size_t alignment,
				   bool *is_zeroed)
{
	taken++;
	return __real_pn_pages_take_locked(heap, count, alignment, is_zeroed);
}

static void replace(void **object, size_t size)
{
	pinned_free(*object);
	*object = pinned_malloc(size);
	ck_assert_ptr_nonnull(*object);
}

START_TEST(replacing_medium_objects_takes_few_page_runs)
{
	void *objects[OBJECTS] = { NULL };
	uint32_t random = 1;

	for (size_t i = 0; i < FIRST + COUNTED; i++) {
		if (i == FIRST)
			taken = 0;
		random = random * 1664525 + 1013904223;
		replace(&objects[random >> 8 & (OBJECTS - 1)], LEAST_SIZE + (random >> 12) % SIZES);
	}
	ck_assert_uint_le(taken, COUNTED / 8);
	for (size_t i = 0; i < OBJECTS; i++)
		pinned_free(objects[i]);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, replacing_medium_objects_takes_few_page_runs);
}

int main(void)
{
	return run_suite("replaced_objects_wait_in_caches", add);
}

// SPDX-License-Identifier: MIT
/*
 * Protects programs with many large objects: freeing and allocating large objects of a few sizes
 * takes as many steps beside thousands of large objects as beside a few, and uses the same chunks
 * again. A step is a look at a slot (Faults E25).
 * Wraps: pn_arena_owner
 */
#include "arena/arena.h"
#include "pinned.h"
#include "suite.h"

/* On 32-bit machines, the arena has room for 1 GiB. */
#define MANY (sizeof(void *) < 8 ? 150 : 2000)

uint32_t __wrap_pn_arena_owner(size_t slot);
uint32_t __real_pn_arena_owner(size_t slot);
static size_t steps;

uint32_t __wrap_pn_arena_owner(size_t slot)
{
	steps++;
	return __real_pn_arena_owner(slot);
}

/*
 * Frees and allocates objects of three sizes in turn, after @count other large objects and a gap
 * that is too small for these sizes. Returns the most steps that one pair of calls takes.
 */
static size_t most_steps(size_t count)
{
	static void *objects[MANY];
	void *gap = pinned_malloc(2 * PN_CHUNK_SIZE), *pair[3], *again;
	size_t most = 0;

	for (size_t i = 0; i < count; i++) {
		objects[i] = pinned_malloc(2 * PN_CHUNK_SIZE);
		ck_assert_ptr_nonnull(objects[i]);
	}
	for (size_t i = 0; i < 3; i++)
		pair[i] = pinned_malloc((3 + i) * PN_CHUNK_SIZE);
	pinned_free(gap);
	for (size_t i = 0; i < 30; i++) {
		steps = 0;
		pinned_free(pair[i % 3]);
		again = pinned_malloc((3 + i % 3) * PN_CHUNK_SIZE);
		ck_assert_ptr_eq(again, pair[i % 3]);
		if (steps > most)
			most = steps;
	}
	for (size_t i = 0; i < 3; i++)
		pinned_free(pair[i]);
	for (size_t i = 0; i < count; i++)
		pinned_free(objects[i]);
	return most;
}

START_TEST(steps_do_not_grow_with_the_number_of_objects)
{
	size_t few = most_steps(20);

	pinned_purge();
	ck_assert_uint_gt(few, 0);
	ck_assert_uint_eq(most_steps(MANY), few);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, steps_do_not_grow_with_the_number_of_objects);
}

int main(void)
{
	return run_suite("large_objects_are_found_at_once", add);
}

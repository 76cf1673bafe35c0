// SPDX-License-Identifier: MIT
/*
 * Protects programs with many large objects. Freeing and allocating large objects of a few sizes
 * takes as many steps beside thousands of large objects as beside a few, and uses the same chunks
 * again. So does an object for which no gap between the others is long enough. A step is a look at
 * a slot. The tree that finds gaps agrees with a table that is searched slot by slot (Faults E25).
 * Wraps: pn_arena_owner
 */
#include <string.h>

#include "arena/arena.h"
#include "arena/space.h"
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

#define SIZES 10

/*
 * Allocates objects of growing sizes among @count other large objects, between which there are as
 * many gaps that are too short. Returns the most steps that one of the calls takes.
 */
static size_t most_steps_between_gaps(size_t count)
{
	static void *objects[MANY];
	void *larger[SIZES];
	size_t most = 0;

	for (size_t i = 0; i < count; i++)
		objects[i] = pinned_malloc(2 * PN_CHUNK_SIZE);
	for (size_t i = 0; i < count; i += 2)
		pinned_free(objects[i]);
	for (size_t i = 0; i < SIZES; i++) {
		steps = 0;
		larger[i] = pinned_malloc((3 + i) * PN_CHUNK_SIZE);
		ck_assert_ptr_nonnull(larger[i]);
		if (steps > most)
			most = steps;
	}
	for (size_t i = 0; i < SIZES; i++)
		pinned_free(larger[i]);
	for (size_t i = 1; i < count; i += 2)
		pinned_free(objects[i]);
	return most;
}

START_TEST(steps_do_not_grow_with_the_number_of_gaps)
{
	size_t few = most_steps_between_gaps(20);

	pinned_purge();
	ck_assert_uint_gt(few, 0);
	/* The pool claims more slots for more objects, and claiming takes a few steps, too. */
	ck_assert_uint_le(most_steps_between_gaps(MANY), 2 * few);
}
END_TEST

/* More slots than the first tree is for, so that it grows. */
#define SLOTS 10000
#define CHANGES 3000

static bool is_used[SLOTS];

static size_t find_one_by_one(size_t from, size_t count)
{
	for (size_t slot = from, gap = 0; slot < SLOTS; slot++) {
		gap = is_used[slot] ? 0 : gap + 1;
		if (gap == count)
			return slot + 1 - count;
	}
	return SLOTS;
}

/* Random runs of slots become used and unused. At first, all of them are in the first tree. */
START_TEST(the_tree_agrees_with_a_table)
{
	unsigned int random = test_seed();

	pn_arena_lock();
	for (size_t i = 0; i < CHANGES; i++) {
		size_t slots = i < CHANGES / 3 ? 3000 : SLOTS, most = rand_r(&random) % 3 ? 5 : 200;
		size_t first = (size_t)rand_r(&random) % slots;
		size_t count = 1 + (size_t)rand_r(&random) % most;
		size_t from = (size_t)rand_r(&random) % slots, found, expected;
		bool becomes_used = rand_r(&random) % 100 < 60;

		if (first + count > slots)
			count = slots - first;
		pn_space_note_locked(first, count, becomes_used);
		memset(&is_used[first], becomes_used, count);
		count = 1 + (size_t)rand_r(&random) % most;
		found = pn_space_find_locked(from, count);
		expected = find_one_by_one(from, count);
		ck_assert(found == expected || (expected == SLOTS && found + count > SLOTS));
		ck_assert(pn_space_is_used(from) == is_used[from]);
	}
	pn_space_in_child();
	ck_assert_uint_eq(pn_space_find_locked(5, SLOTS), 5);
	pn_arena_unlock();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, steps_do_not_grow_with_the_number_of_gaps);
	tcase_add_test(tcase, the_tree_agrees_with_a_table);
	tcase_add_test(tcase, steps_do_not_grow_with_the_number_of_objects);
}

int main(void)
{
	return run_suite("large_objects_are_found_at_once", add);
}

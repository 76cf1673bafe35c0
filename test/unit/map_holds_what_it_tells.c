// SPDX-License-Identifier: MIT
/*
 * Protects devices that use a buffer after pinned_map(): the object is retained, or other memory is
 * pinned, exactly if the caller was told all extents, and a batch is mapped as a whole or not at
 * all. A buffer must be a part of one live object. The key `pin` says which other memory is pinned.
 * The test invents physical addresses, and takes the place of pins.
 *
 * Wraps: pn_pin_other pn_unpin_other pn_pins_sg
 */
#include <errno.h>
#include <pthread.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "api/pin.h"
#include "arena/pins.h"
#include "arena/v2p.h"
#include "front/runtime.h"
#include "pinned.h"
#include "suite.h"

#define BIG (5 * PN_CHUNK_SIZE + 12345)

static unsigned int pinned;
static int pin_error;
static long other_extents = 2;
static char other[1000];

int __wrap_pn_pin_other(const void *ptr, size_t len);
int __wrap_pn_unpin_other(const void *ptr, size_t len);
long __wrap_pn_pins_sg(const void *ptr, size_t len, struct pinned_extent *extents, size_t count);

int __wrap_pn_pin_other(const void *ptr, size_t len)
{
	(void)ptr, (void)len;
	pinned += !pin_error;
	return pin_error;
}

int __wrap_pn_unpin_other(const void *ptr, size_t len)
{
	(void)ptr, (void)len;
	if (!pinned)
		return EINVAL;
	pinned--;
	return 0;
}

long __wrap_pn_pins_sg(const void *ptr, size_t len, struct pinned_extent *extents, size_t count)
{
	if (other_extents < 0) {
		errno = EFAULT;
		return -1;
	}
	for (long i = 0; i < other_extents && (size_t)i < count; i++)
		extents[i] = (struct pinned_extent){ (uintptr_t)ptr + i, len };
	return other_extents;
}

/* Every second chunk follows the chunk before it in physical memory. */
static void invent_addresses(void)
{
	for (size_t slot = 0; slot < pn_arena_slot_count(); slot++)
		if (pn_arena.slots[slot].state != PN_SLOT_HOLE)
			pn_arena.phys[slot] = ((slot + 100 + slot / 2) << PN_CHUNK_SHIFT) + 1;
}

static void *new_object(size_t size)
{
	void *object = pinned_malloc(size);

	ck_assert_ptr_nonnull(object);
	invent_addresses();
	return object;
}

static void refused(long result, int error)
{
	ck_assert_int_eq(result, -1);
	ck_assert_int_eq(errno, error);
}

static void is_not_held(const void *ptr)
{
	refused(pinned_release(ptr), EINVAL);
	refused(pinned_unmap(ptr, 1), EINVAL);
}

START_TEST(objects_are_held_while_mapped)
{
	static const size_t sizes[] = { 1, 100, 4096, 70000, 1000000, PN_CHUNK_SIZE, BIG };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i];
		char *object = new_object(size), *part = object + size / 3;
		struct pinned_extent extents[8], same[8];
		long count = pinned_map(part, size - size / 3, extents, 8);

		ck_assert_int_ge(count, 1);
		ck_assert_int_eq(pinned_v2p_sg(part, size - size / 3, same, 8), count);
		ck_assert_mem_eq(extents, same, (size_t)count * sizeof(same[0]));
		ck_assert_uint_eq(extents[0].phys, pinned_v2p(part));
		/* A second use, and the program frees the object. */
		ck_assert_int_eq(pinned_map(object, 1, extents, 1), 1);
		pinned_free(object);
		ck_assert_uint_eq(pinned_v2p(part), same[0].phys);
		ck_assert_int_eq(pinned_unmap(object, 1), 0);
		ck_assert_uint_eq(pinned_v2p(part), same[0].phys);
		ck_assert_int_eq(pinned_unmap(part, size - size / 3), 0);
		/* If the chunk was given back, then the driver refuses the hole in the pool. */
		pin_error = EFAULT;
		refused(pinned_map(object, 1, extents, 1), EFAULT);
		pin_error = 0;
	}
}
END_TEST

START_TEST(nothing_is_held_without_all_extents)
{
	char *object = new_object(BIG);
	struct pinned_extent extents[8];
	long count = pinned_v2p_sg(object, BIG, NULL, 0);

	ck_assert_int_ge(count, 2);
	for (long room = 0; room < count; room++) {
		ck_assert_int_eq(pinned_map(object, BIG, extents, (size_t)room), count);
		is_not_held(object);
		ck_assert_int_eq(pinned_map(other, 10, extents, (size_t)room), 2);
		ck_assert_uint_eq(pinned, room >= 2);
		if (room >= 2)
			ck_assert_int_eq(pinned_unmap(other, 10), 0);
	}
	ck_assert_int_eq(pinned_map(object, 1, NULL, 0), 1);
	is_not_held(object);
	pinned_free(object);
}
END_TEST

START_TEST(bad_buffers_are_refused)
{
	char *object = new_object(100), *freed = new_object(200);
	struct pinned_extent extents[8];

	pinned_free(freed);
	refused(pinned_map(object, 0, extents, 8), EINVAL);
	refused(pinned_unmap(object, 0), EINVAL);
	refused(pinned_map(object, pinned_usable_size(object) + 1, extents, 8), EFAULT);
	refused(pinned_map(object + 50, pinned_usable_size(object) - 49, extents, 8), EFAULT);
	refused(pinned_map(object, SIZE_MAX, extents, 8), EFAULT);
	refused(pinned_map(freed, 1, extents, 8), EFAULT);
	pn_arena.phys[pn_arena_offset(object) >> PN_CHUNK_SHIFT] = 0;
	refused(pinned_map(object, 1, extents, 8), EFAULT);
	is_not_held(object);
	pinned_free(object);
}
END_TEST

START_TEST(other_memory_is_pinned_from_a_size_on)
{
	struct pinned_extent extents[8];

	ck_assert_str_eq(pinned_backend(), "anon");
	pn_runtime.config.pin = 100;
	refused(pinned_map(other, 99, extents, 8), EFAULT);
	ck_assert_int_eq(pinned_map(other, 100, extents, 8), 2);
	ck_assert_uint_eq(pinned, 1);
	ck_assert_uint_eq(extents[1].phys, (uintptr_t)other + 1);
	pin_error = EDQUOT;
	refused(pinned_map(other, 100, extents, 8), EDQUOT);
	pin_error = 0;
	ck_assert_int_eq(pinned_unmap(other, 100), 0);
	refused(pinned_unmap(other, 100), EINVAL);
	/* The memory changes after it was pinned. */
	other_extents = -1;
	refused(pinned_map(other, 100, extents, 8), EFAULT);
	ck_assert_uint_eq(pinned, 0);
	pn_runtime.config.pin = 0;
	refused(pinned_map(other, 1000, extents, 8), EFAULT);
	ck_assert_uint_eq(pinned, 0);
}
END_TEST

START_TEST(batches_are_mapped_as_a_whole)
{
	char *first = new_object(100), *second = new_object(BIG);
	struct iovec buffers[] = {
		{ first, 100 }, { NULL, 0 }, { second, BIG }, { other, 50 }, { first + 7, 3 }
	};
	struct pinned_extent extents[16], same[16];
	long big = pinned_v2p_sg(second, BIG, same, 16), all = big + 4;

	ck_assert_int_eq(pinned_mapv(buffers, 0, NULL, 0), 0);
	ck_assert_int_eq(pinned_mapv(buffers, 5, extents, (size_t)all), all);
	ck_assert_uint_eq(extents[0].phys, pinned_v2p(first));
	ck_assert_mem_eq(extents + 1, same, (size_t)big * sizeof(same[0]));
	ck_assert_uint_eq(extents[big + 1].phys, (uintptr_t)other);
	ck_assert_uint_eq(extents[all - 1].len, 3);
	ck_assert_int_eq(pinned_unmapv(buffers, 5), 0);
	for (long room = 0; room < all; room++) {
		ck_assert_int_eq(pinned_mapv(buffers, 5, extents, (size_t)room), all);
		ck_assert_uint_eq(pinned, 0);
		is_not_held(first);
		is_not_held(second);
	}
	buffers[4].iov_len = 1000;
	refused(pinned_mapv(buffers, 5, extents, 16), EFAULT);
	refused(pinned_mapv(buffers, 5, extents, 0), EFAULT);
	ck_assert_uint_eq(pinned, 0);
	is_not_held(first);
	is_not_held(second);
	/* pinned_unmapv() unmaps the second buffer, although the others are not mapped. */
	ck_assert_int_eq(pinned_map(second, 1, extents, 1), 1);
	refused(pinned_unmapv(buffers, 3), EINVAL);
	is_not_held(second);
	pinned_free(first);
	pinned_free(second);
}
END_TEST

static char *shared;

static void *map_often(void *arg)
{
	struct pinned_extent extent;

	for (int i = 0; i < 5000; i++) {
		ck_assert_int_eq(pinned_map(shared, 8, &extent, 1), 1);
		ck_assert_int_eq(pinned_unmap(shared, 8), 0);
	}
	return arg;
}

/* Threads map an object that the program has freed, and that another thread still holds. */
START_TEST(threads_share_an_object)
{
	struct pinned_stats stats = { .size = sizeof(stats) };
	struct pinned_extent extent;
	pthread_t threads[2];

	shared = new_object(64);
	ck_assert_int_eq(pinned_map(shared, 64, &extent, 1), 1);
	pinned_free(shared);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, map_often, NULL), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(pinned_v2p(shared), extent.phys);
	ck_assert_int_eq(pinned_unmap(shared, 64), 0);
	is_not_held(shared);
	ck_assert_int_eq(pinned_stats(&stats), 0);
	ck_assert_uint_eq(stats.retained_bytes, 0);
}
END_TEST

/* The first call in a child is about memory that the child has inherited. */
START_TEST(inherited_objects_are_refused)
{
	char *object = new_object(100);
	struct pinned_extent extent;

	for (int way = 0; way < 2; way++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			bool is_taken = way ? pinned_pin(object, 100) == 0
					    : pinned_map(object, 100, &extent, 1) >= 0;

			end_child(is_taken || errno != EFAULT);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	pinned_free(object);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, inherited_objects_are_refused);
	tcase_add_test(tcase, objects_are_held_while_mapped);
	tcase_add_test(tcase, nothing_is_held_without_all_extents);
	tcase_add_test(tcase, bad_buffers_are_refused);
	tcase_add_test(tcase, other_memory_is_pinned_from_a_size_on);
	tcase_add_test(tcase, batches_are_mapped_as_a_whole);
	tcase_add_test(tcase, threads_share_an_object);
}

int main(void)
{
	return run_suite("map_holds_what_it_tells", add);
}

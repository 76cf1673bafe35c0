// SPDX-License-Identifier: MIT
/*
 * Protects binaries that were built against another version of pinned.h: the library accepts each
 * structure with a size member in the size that it had in release 0.1.0 and in larger sizes of
 * later releases, as long as the members that this library does not know are 0 (Faults E16). The
 * library writes nothing beyond the size that the caller gave. test/kernel/ioctl_abi.c does the
 * same for the structures of the ioctl interface.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "os/sized.h"
#include "pinned.h"
#include "suite.h"

/* The structures of release 0.1.0. They are copies, so that they stay when pinned.h changes. */
struct first_stats {
	size_t size;
	uint64_t arena_bytes;
	uint64_t chunk_bytes;
	uint64_t peak_chunk_bytes;
	uint64_t empty_chunk_bytes;
	uint64_t object_bytes;
	uint64_t cached_bytes;
	uint64_t large_bytes;
	uint64_t populate_calls;
	uint64_t punch_calls;
	uint64_t failed_allocs;
	uint64_t retained_bytes;
};

struct first_heap_options {
	size_t size;
	uint32_t flags;
	uint32_t memory_type;
	int32_t node;
	uint32_t reserved;
	uint64_t max_phys;
	uint64_t limit;
};

struct first_device_options {
	size_t size;
	uint64_t min_addr;
	uint64_t max_addr;
};

#define CANARY 0x5a5a5a5a5a5a5a5aull

/* A common signature for pinned_stats() and pinned_heap_stats(). */
typedef int (*get_stats)(void *stats);

static int of_process(void *stats)
{
	return pinned_stats(stats);
}

static int of_default_heap(void *stats)
{
	return pinned_heap_stats(NULL, stats);
}

static const get_stats both[] = { of_process, of_default_heap };

/* Calls @get with the first release's size, and checks that the bytes after that size stay. */
static void check_first_stats(get_stats get)
{
	struct {
		struct first_stats stats;
		uint64_t canary;
	} old = { .stats.size = sizeof(old.stats), .canary = CANARY };
	struct pinned_stats today = { .size = sizeof(today) };

	ck_assert_int_eq(get(&old.stats), 0);
	ck_assert_int_eq(get(&today), 0);
	ck_assert_uint_eq(old.canary, CANARY);
	ck_assert_uint_eq(old.stats.size, sizeof(old.stats));
	today.size = sizeof(old.stats);
	ck_assert_mem_eq(&old.stats, &today, sizeof(old.stats));
	ck_assert_uint_ge(old.stats.object_bytes, 5000000);
	ck_assert_uint_ge(old.stats.large_bytes, 5000000);
	ck_assert_uint_gt(old.stats.populate_calls, 0);
}

START_TEST(stats_of_the_first_release_are_filled_in)
{
	void *object = pinned_malloc(5000000);

	for (size_t i = 0; i < 2; i++)
		check_first_stats(both[i]);
	pinned_free(object);
}
END_TEST

START_TEST(stats_of_a_later_release_end_in_zeros)
{
	struct {
		struct pinned_stats stats;
		uint64_t later[7];
		uint64_t canary;
	} new;

	for (size_t i = 0; i < 2; i++) {
		memset(&new, 0x5a, sizeof(new));
		new.stats.size = offsetof(typeof(new), canary);
		ck_assert_int_eq(both[i](&new), 0);
		/* The returned size tells that the library does not know the last seven members. */
		ck_assert_uint_eq(new.stats.size, sizeof(new.stats));
		for (size_t k = 0; k < 7; k++)
			ck_assert_uint_eq(new.later[k], 0);
		ck_assert_uint_eq(new.canary, CANARY);
		ck_assert_uint_gt(new.stats.arena_bytes, 0);
		/* A second call with the same structure works too. */
		ck_assert_int_eq(both[i](&new), 0);
	}
}
END_TEST

START_TEST(stats_of_no_release_are_left_alone)
{
	const size_t wrong[] = { 0, 8, sizeof(struct first_stats) - 1, 4097, SIZE_MAX };
	union {
		struct pinned_stats stats;
		unsigned char bytes[8192];
	} any, before;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(&any, 0x5a, sizeof(any));
		any.stats.size = wrong[i];
		before = any;
		errno = 0;
		ck_assert_int_eq(of_process(&any), -1);
		ck_assert_int_eq(errno, EINVAL);
		ck_assert_int_eq(of_default_heap(&any), -1);
		ck_assert_mem_eq(&any, &before, sizeof(any));
	}
}
END_TEST

static void *create(const void *options)
{
	errno = 0;
	return pinned_heap_create(options);
}

START_TEST(heap_options_of_the_first_release_are_obeyed)
{
	struct first_heap_options options = { .size = sizeof(options), .limit = PINNED_CHUNK_SIZE };
	struct pinned_heap *heap = create(&options);

	ck_assert_ptr_nonnull(heap);
	ck_assert_ptr_nonnull(pinned_heap_malloc(heap, 100));
	ck_assert_ptr_null(pinned_heap_malloc(heap, PINNED_CHUNK_SIZE));
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
	options.size--;
	ck_assert_ptr_null(create(&options));
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(heap_options_of_a_later_release_are_obeyed_or_refused)
{
	struct {
		struct pinned_heap_options known;
		uint64_t later[3];
	} options = { .known = { .size = sizeof(options), .limit = PINNED_CHUNK_SIZE } };
	struct pinned_heap *heap = create(&options);

	ck_assert_ptr_nonnull(heap);
	ck_assert_ptr_null(pinned_heap_malloc(heap, 2 * PINNED_CHUNK_SIZE));
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
	options.later[2] = 1ull << 63;
	ck_assert_ptr_null(create(&options));
	ck_assert_int_eq(errno, E2BIG);
	options.known.size = 4097;
	ck_assert_ptr_null(create(&options));
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/*
 * Returns the errno of an attach with a bad descriptor. Options are checked before the descriptor,
 * so EBADF means that the options were accepted.
 */
static int attach_error(const void *options)
{
	errno = 0;
	ck_assert_ptr_null(pinned_device_attach(-1, options));
	return errno;
}

START_TEST(device_options_of_other_releases_are_obeyed_or_refused)
{
	struct first_device_options first = { sizeof(first), 1 << 30, 1 << 30 };
	struct {
		struct pinned_device_options known;
		uint64_t later;
	} later = { .known = { .size = sizeof(later) } };

	ck_assert_int_eq(attach_error(&first), EBADF);
	first.max_addr--;
	ck_assert_int_eq(attach_error(&first), EINVAL);
	first = (struct first_device_options){ .size = sizeof(first) - 1 };
	ck_assert_int_eq(attach_error(&first), EINVAL);
	ck_assert_int_eq(attach_error(&later), EBADF);
	later.later = 1;
	ck_assert_int_eq(attach_error(&later), E2BIG);
}
END_TEST

/* A structure as one release defines it, and as the next release does. */
struct one {
	size_t size;
	uint64_t a;
};

struct two {
	size_t size;
	uint64_t a, b;
};

START_TEST(a_library_that_has_grown_reads_what_there_is)
{
	struct {
		struct one given;
		uint64_t beyond;
	} old = { { sizeof(struct one), 7 }, CANARY };
	struct two known = { 1, 2, 3 };

	ck_assert_int_eq(pn_sized_read(&known, sizeof(known), &old, sizeof(struct one)), 0);
	ck_assert_uint_eq(known.a, 7);
	ck_assert_uint_eq(known.b, 0);
}
END_TEST

START_TEST(a_library_that_has_grown_writes_what_fits)
{
	struct {
		struct one given;
		uint64_t beyond;
	} old = { { sizeof(struct one), 7 }, CANARY };
	const struct two known = { 0, 8, 9 };

	ck_assert_int_eq(pn_sized_write(&old, &known, sizeof(known), sizeof(struct one)), 0);
	ck_assert_uint_eq(old.given.size, sizeof(struct one));
	ck_assert_uint_eq(old.given.a, 8);
	ck_assert_uint_eq(old.beyond, CANARY);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, stats_of_the_first_release_are_filled_in);
	tcase_add_test(tcase, stats_of_a_later_release_end_in_zeros);
	tcase_add_test(tcase, stats_of_no_release_are_left_alone);
	tcase_add_test(tcase, heap_options_of_the_first_release_are_obeyed);
	tcase_add_test(tcase, heap_options_of_a_later_release_are_obeyed_or_refused);
	tcase_add_test(tcase, device_options_of_other_releases_are_obeyed_or_refused);
	tcase_add_test(tcase, a_library_that_has_grown_reads_what_there_is);
	tcase_add_test(tcase, a_library_that_has_grown_writes_what_fits);
}

int main(void)
{
	return run_suite("older and newer callers", add);
}

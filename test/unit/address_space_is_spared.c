// SPDX-License-Identifier: MIT
/*
 * Protects a process's address space: the library maps only addresses that hold memory and a little
 * for its tables, and never replaces a mapping that is not its own. A request that does not fit
 * fails and leaves nothing mapped; it succeeds later, when there is room (Faults E1, E4).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arena/arena.h"
#include "arena/tables.h"
#include "arena/window.h"
#include "pinned.h"
#include "suite.h"

#define MIB ((size_t)1 << 20)
#define OBJECTS 64

/* Returns the size of the process's address space in bytes. Allocates nothing. */
static size_t mapped_bytes(void)
{
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	return strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void begin(void)
{
	setenv("PINNED_CONF", "backend:anon,decay_ms:0", 1);
	pinned_free(pinned_malloc(1));
	ck_assert_uint_gt(pn_arena.size, 0);
}

/* Maps @size bytes at @offset of the arena, as another part of the program might. */
static char *map_foreign(size_t offset, size_t size)
{
	char *wanted = pn_arena_at(offset);
	char *got = mmap(wanted, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	ck_assert_ptr_eq(got, wanted);
	memset(got, 0x5a, size);
	return got;
}

static void check_foreign(const char *foreign, size_t size)
{
	for (size_t i = 0; i < size; i++)
		ck_assert_int_eq(foreign[i], 0x5a);
	ck_assert(!pinned_owns(foreign));
	ck_assert(!pinned_owns(foreign + size - 1));
	ck_assert_uint_eq(pinned_v2p(foreign), PINNED_NO_PHYS);
}

/* Allocates objects of @all bytes together, none of which may overlap [foreign, foreign + size). */
static void use_memory_around(const char *foreign, size_t size, size_t all)
{
	static char *objects[OBJECTS];
	size_t count = 0, each = all / OBJECTS;

	for (; count < OBJECTS; count++) {
		objects[count] = pinned_malloc(each);
		ck_assert_ptr_nonnull(objects[count]);
		ck_assert(objects[count] + each <= foreign || objects[count] >= foreign + size);
		for (size_t at = 0; at < each; at += 4096)
			objects[count][at] = (char)count;
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t at = 0; at < each; at += 4096)
			ck_assert_int_eq(objects[i][at], (char)i);
		pinned_free(objects[i]);
	}
}

START_TEST(foreign_mapping_in_what_is_claimed)
{
	char *foreign;

	begin();
	foreign = map_foreign(5 * PN_CHUNK_SIZE + 4096, 4096);
	use_memory_around(foreign, 4096, 256 * MIB);
	check_foreign(foreign, 4096);
	ck_assert_uint_eq(pn_arena.slots[5].pool, PN_POOL_NOBODY);
	ck_assert_uint_ne(pn_arena.slots[4].pool, PN_POOL_NOBODY);
	ck_assert_uint_ne(pn_arena.slots[6].pool, PN_POOL_NOBODY);
}
END_TEST

/* The foreign mapping begins in a region that is not claimed yet and ends in a later region. */
START_TEST(foreign_mapping_in_what_is_not_claimed_yet)
{
	size_t size = 160 * MIB;
	char *foreign;

	begin();
	foreign = map_foreign(pn_arena.size + 7 * MIB, size);
	ck_assert(!pinned_owns(foreign));
	ck_assert_uint_eq(pinned_v2p(foreign), PINNED_NO_PHYS);
	use_memory_around(foreign, size, 512 * MIB);
	check_foreign(foreign, 4096);
	check_foreign(foreign + size - 4096, 4096);
}
END_TEST

/*
 * A foreign mapping where a table has to grow limits the size of the arena and does no other harm.
 */
START_TEST(foreign_mapping_in_a_tables_place)
{
	size_t slots, before;
	char *place, *large;

	begin();
	large = pinned_malloc(24 * MIB);
	ck_assert_ptr_nonnull(large);
	slots = pn_arena_slot_count();
	place = (char *)&pn_arena.slabs[pn_round_up(slots * PN_CHUNK_PAGES, 65536)];
	ck_assert_ptr_eq(mmap(place, 4096, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
			 place);
	before = mapped_bytes();
	errno = 0;
	while (pinned_malloc(64 * MIB))
		;
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_le(mapped_bytes(), before + 256 * MIB);
	memset(large, 1, 24 * MIB);
	pinned_free(large);
	ck_assert_ptr_nonnull(pinned_malloc(24 * MIB));
	ck_assert_int_eq(munmap(place, 4096), 0);
	ck_assert_ptr_nonnull(pinned_malloc(64 * MIB));
}
END_TEST

START_TEST(an_idle_process_maps_little)
{
	size_t before = mapped_bytes();

	begin();
	ck_assert_uint_lt(mapped_bytes(), before + 3 * MIB);
}
END_TEST

START_TEST(addresses_come_back)
{
	size_t before;
	void *object;

	begin();
	pinned_purge();
	before = mapped_bytes();
	object = pinned_malloc(300 * MIB);
	ck_assert_ptr_nonnull(object);
	ck_assert_uint_ge(mapped_bytes(), before + 300 * MIB);
	pinned_free(object);
	pinned_purge();
	ck_assert_uint_lt(mapped_bytes(), before + 3 * MIB);
}
END_TEST

static void set_limit(int resource, size_t bytes)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(resource, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(resource, &limit), 0);
}

/* Under a limit all requests that fit are served; larger ones succeed once the limit is raised. */
START_TEST(limit_at_run_time)
{
	static const int resources[] = { RLIMIT_AS, RLIMIT_DATA };
	static char *objects[OBJECTS];
	size_t count = 0;

	begin();
	set_limit(resources[_i], mapped_bytes() + 40 * MIB);
	while (count < OBJECTS && (objects[count] = pinned_malloc(MIB - 4096)))
		memset(objects[count++], 1, MIB - 4096);
	ck_assert_uint_ge(count, 30);
	ck_assert_uint_lt(count, OBJECTS);
	errno = 0;
	ck_assert_ptr_null(pinned_malloc(500 * MIB));
	ck_assert_int_eq(errno, ENOMEM);
	for (size_t i = 0; i < 4; i++)
		pinned_free(objects[--count]);
	pinned_purge();
	ck_assert_ptr_ne(mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0),
			 MAP_FAILED);
	set_limit(resources[_i], RLIM_INFINITY);
	ck_assert_ptr_nonnull(pinned_malloc(500 * MIB));
}
END_TEST

/* A request that can never be served leaves nothing mapped. */
START_TEST(what_does_not_fit_leaves_nothing)
{
	size_t before;

	begin();
	set_limit(RLIMIT_AS, mapped_bytes() + 1024 * MIB);
	before = mapped_bytes();
	ck_assert_ptr_null(pinned_malloc(pn_arena.limit / 2));
	ck_assert_ptr_null(pinned_malloc(pn_arena.limit));
	ck_assert_uint_lt(mapped_bytes(), before + 8 * MIB);
}
END_TEST

/*
 * If limits leave no room at all, there is no backend, malloc returns NULL, and nothing is mapped.
 */
START_TEST(no_room_at_the_start)
{
	size_t before = mapped_bytes();

	setenv("PINNED_CONF", "backend:anon", 1);
	set_limit(RLIMIT_AS, _i ? before + (size_t)_i * 16384 : MIB);
	errno = 0;
	ck_assert_ptr_null(pinned_malloc(1));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_str_eq(pinned_backend(), "none");
	ck_assert_uint_eq(pn_arena.size, 0);
	ck_assert(!pinned_owns(&before));
	ck_assert_uint_eq(pinned_v2p(&before), PINNED_NO_PHYS);
	ck_assert_uint_le(mapped_bytes(), before + 65536);
}
END_TEST

START_TEST(no_data_at_the_start)
{
	setenv("PINNED_CONF", "backend:anon", 1);
	ck_assert_int_eq(setrlimit(RLIMIT_DATA, &(struct rlimit){ 0, 0 }), 0);
	errno = 0;
	ck_assert_ptr_null(pinned_malloc(1));
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_str_eq(pinned_backend(), "none");
}
END_TEST

/*
 * Large pools get large regions and small pools small ones, so many pools fit into a small arena.
 */
START_TEST(regions_grow_with_their_pool)
{
	size_t sizes[16], count = 0;

	begin();
	ck_assert_ptr_nonnull(pinned_malloc(1500 * MIB));
	for (size_t slot = 0; slot < pn_arena_slot_count() && count < 16;
	     slot = pn_arena_region_end(slot))
		sizes[count++] = pn_arena_region_end(slot) - slot;
	ck_assert_uint_le(count, 10);
	ck_assert_uint_eq(sizes[0], 16);
	for (size_t i = 1; i < count; i++)
		ck_assert_uint_ge(sizes[i], sizes[i - 1]);
}
END_TEST

/*
 * The marks of an address space: program, end of the brk heap, kernel's mappings, library, stack.
 */
static const struct {
	uintptr_t marks[5];
	size_t size_min;
} spaces[] = {
#if UINTPTR_MAX > UINT32_MAX
	/* 47 bits, with usual, with no and with full address randomisation. */
	{ { 0x561234560040, 0x561235000000, 0x7f1234000000, 0x7f1234500000, 0x7ffd12345678 },
	  1ul << 40 },
	{ { 0x555555554040, 0x555555580000, 0x7ffff7c00000, 0x7ffff7fc0000, 0x7fffffffe000 },
	  1ul << 40 },
	{ { 0x655412345040, 0x655452345000, 0x6fff12345000, 0x6fff1a345000, 0x7ffd12345678 },
	  1ul << 40 },
	/* A program at a fixed address; and mappings from low addresses up (unlimited stack). */
	{ { 0x400040, 0x2345000, 0x7f1234000000, 0x7f1234500000, 0x7ffd12345678 }, 1ul << 40 },
	{ { 0x555555554040, 0x555555580000, 0x2aaaaaacb000, 0x2aaaaaaf0000, 0x7fffffffe000 },
	  1ul << 40 },
	/* 48 bits and 39 bits, as on arm64. */
	{ { 0xaaaab1230040, 0xaaaadc000000, 0xffff9a000000, 0xffff9a500000, 0xffffd1234567 },
	  1ul << 40 },
	{ { 0x5561230040, 0x5571230000, 0x7f9a000000, 0x7f9a500000, 0x7fd1234567 }, 1ul << 36 },
	/* Valgrind. */
	{ { 0x108040, 0x4a35000, 0x4e00000, 0x4845000, 0x1ffefff900 }, 1ul << 35 },
#else
	{ { 0x56612034, 0x57234000, 0xf7a00000, 0xf7c12000, 0xffd12345 }, 1ul << 29 },
	{ { 0x08048034, 0x09234000, 0xf7a00000, 0xf7c12000, 0xffd12345 }, 1ul << 30 },
	{ { 0x00410034, 0x01234000, 0xb6a00000, 0xb6c12000, 0xbed12345 }, 1ul << 29 },
#endif
};

#define SPACES (int)(sizeof(spaces) / sizeof(*spaces))

START_TEST(window_is_far_from_what_grows)
{
	struct pn_window window;
	uintptr_t marks[5], end;
	size_t far;

	memcpy(marks, spaces[_i].marks, sizeof(marks));
	ck_assert(pn_window_in_largest_gap(&window, marks, 5));
	ck_assert_uint_ge(window.size, spaces[_i].size_min);
	ck_assert_uint_eq(window.arena % PN_ARENA_ALIGNMENT, 0);
	ck_assert_uint_gt(window.arena, window.tables + pn_tables_room(window.size));
	end = window.arena + window.size;
	ck_assert_uint_gt(end, window.arena);
	far = window.size / 4;
	for (size_t i = 0; i < 5; i++)
		ck_assert(marks[i] + far < window.tables || marks[i] > end + far);
}
END_TEST

START_TEST(no_gap_no_window)
{
	uintptr_t marks[] = { 0x1000000, 0x2000000, 0x3000000, 0 };
	struct pn_window window;

	ck_assert(!pn_window_in_largest_gap(&window, marks, 4));
}
END_TEST

extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

/* A sanitizer's shadow memory takes more address space than any limit leaves. */
static bool has_sanitizer(void)
{
	return __asan_init || __tsan_init;
}

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, window_is_far_from_what_grows, 0, SPACES);
	tcase_add_test(tcase, no_gap_no_window);
	tcase_add_test(tcase, foreign_mapping_in_what_is_claimed);
	tcase_add_test(tcase, foreign_mapping_in_what_is_not_claimed_yet);
	tcase_add_test(tcase, foreign_mapping_in_a_tables_place);
	tcase_add_test(tcase, an_idle_process_maps_little);
	tcase_add_test(tcase, addresses_come_back);
	tcase_add_test(tcase, regions_grow_with_their_pool);
	if (has_sanitizer())
		return;
	tcase_add_loop_test(tcase, limit_at_run_time, 0, 2);
	tcase_add_test(tcase, what_does_not_fit_leaves_nothing);
	tcase_add_loop_test(tcase, no_room_at_the_start, 0, 4);
	tcase_add_test(tcase, no_data_at_the_start);
}

int main(void)
{
	return run_suite("address_space_is_spared", add);
}

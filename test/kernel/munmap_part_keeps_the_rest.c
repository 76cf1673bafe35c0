// SPDX-License-Identifier: MIT
/*
 * Unmapping a part of a mapping, in whole chunks or less, unmaps that part only: the rest keeps its
 * data and address, the chunks stay in the pool and can be mapped again, and all are freed with the
 * last mapping and descriptor (Faults A4, A5, A6).
 */
#include "guest.h"

#define SLOTS 6UL
#define LENGTH (SLOTS * CHUNK)

static uint64_t phys[SLOTS];
static char expected[LENGTH];

static void is_gone(char *at, size_t from, size_t to)
{
	EQUAL(signal_of_read(at + from), SIGSEGV);
	EQUAL(signal_of_write(at + to - 1), SIGSEGV);
	EQUAL(phys_of(at + from), 0);
}

static void is_there(char *at, size_t from, size_t to)
{
	size_t page;

	touch_pages(at + from, to - from);
	CHECK(!memcmp(at + from, expected + from, to - from));
	for (page = from; page < to; page += PAGE)
		EQUAL(phys_of(at + page), phys[page / CHUNK] + page % CHUNK);
}

static void cut(int fd, size_t from, size_t to)
{
	struct pinned_mem_info before = info_of(fd);
	char *at = map_slots(fd, 0, SLOTS);

	touch_pages(at, LENGTH);
	WORKS(munmap(at + from, to - from));
	is_gone(at, from, to);
	if (from)
		is_there(at, from > 3 * PAGE ? from - 3 * PAGE : 0, from);
	if (to < LENGTH)
		is_there(at, to, to + 3 * PAGE < LENGTH ? to + 3 * PAGE : LENGTH);
	is_there(at, 0, from ? PAGE : 0);
	UNCHANGED(fd, before);
	/* Maps the same slots into the hole again. */
	WORKS(mmap(at + from, to - from, RW, MAP_SHARED | MAP_FIXED, fd, (off_t)from));
	touch_pages(at, LENGTH);
	CHECK(!memcmp(at, expected, LENGTH));
	WORKS(munmap(at, LENGTH));
	UNCHANGED(fd, before);
}

/* Unmaps every other page, until only single pages are left. */
static void comb(int fd)
{
	char *at = map_slots(fd, 0, 1);
	size_t page;

	touch_pages(at, CHUNK);
	for (page = 0; page < CHUNK; page += 2 * PAGE)
		WORKS(munmap(at + page, PAGE));
	for (page = PAGE; page < CHUNK; page += 64 * PAGE)
		is_there(at, page, page + PAGE);
	WORKS(munmap(at, CHUNK));
}

int main(void)
{
	unsigned long base = used_chunks();
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);

	WORKS(populate(fd, 0, SLOTS, phys));
	fill(at, LENGTH, 1);
	fill(expected, LENGTH, 1);
	WORKS(munmap(at, LENGTH));
	cut(fd, 2 * CHUNK, 4 * CHUNK);
	cut(fd, 0, CHUNK);
	cut(fd, 5 * CHUNK, LENGTH);
	cut(fd, CHUNK + 5 * PAGE, CHUNK + 6 * PAGE);
	cut(fd, 3 * CHUNK - PAGE, 3 * CHUNK + PAGE);
	cut(fd, 0, PAGE);
	cut(fd, LENGTH - PAGE, LENGTH);
	cut(fd, PAGE, LENGTH - PAGE);
	comb(fd);
	close(fd);
	COMES_TO_USE(base);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * A mapping whose address and offset are not congruent, or that starts or ends inside a chunk, is
 * mapped by small pages: it shows the same data and the same physical pages, and every page is
 * counted once and freed with the rest (Faults A5, A17).
 */
#include "guest.h"

#define SLOTS 4UL

static void same_pages(const char *at, const char *aligned, size_t length)
{
	static uint64_t one[SLOTS * CHUNK_PAGES_MAX], other[SLOTS * CHUNK_PAGES_MAX];

	phys_of_pages(at, one, length / PAGE);
	phys_of_pages(aligned, other, length / PAGE);
	CHECK(one[0]);
	CHECK(!memcmp(one, other, length / PAGE * sizeof(*one)));
}

static void shifted_by(int fd, char *aligned, size_t phase)
{
	char *at = map_slots_off(fd, 0, SLOTS, phase);

	touch_pages(at, SLOTS * CHUNK);
	FILLED(at, SLOTS * CHUNK, 1);
	EQUAL(smaps_kib(at, "FilePmdMapped"), 0);
	EQUAL(smaps_kib(at, "Rss"), SLOTS * CHUNK / 1024);
	same_pages(at, aligned, SLOTS * CHUNK);
	fill(at, SLOTS * CHUNK, 2);
	FILLED(aligned, SLOTS * CHUNK, 2);
	fill(aligned, SLOTS * CHUNK, 1);
	WORKS(munmap(at, SLOTS * CHUNK));
}

/* Maps from the middle of one chunk into the next. */
static void part_of_chunks(int fd, char *aligned)
{
	size_t offset = CHUNK - 3 * PAGE, length = 8 * PAGE;
	char *at = mmap(NULL, length, RW, MAP_SHARED, fd, (off_t)offset);

	CHECK(at != MAP_FAILED);
	touch_pages(at, length);
	EQUAL(smaps_kib(at, "Rss"), length / 1024);
	same_pages(at, aligned + offset, length);
	CHECK(!memcmp(at, aligned + offset, length));
	/* The mapping ends after exactly the requested bytes. */
	EQUAL(munmap(at + length - PAGE, PAGE), 0);
	EQUAL(signal_of_read(at + length - PAGE), SIGSEGV);
	WORKS(munmap(at, length - PAGE));
}

int main(void)
{
	unsigned long base = used_chunks();
	int fd = open_pool();
	char *aligned = map_slots(fd, 0, SLOTS);

	WORKS(populate(fd, 0, SLOTS, NULL));
	fill(aligned, SLOTS * CHUNK, 1);
	shifted_by(fd, aligned, PAGE);
	shifted_by(fd, aligned, CHUNK / 2);
	shifted_by(fd, aligned, CHUNK - PAGE);
	part_of_chunks(fd, aligned);
	FILLED(aligned, SLOTS * CHUNK, 1);
	WORKS(munmap(aligned, SLOTS * CHUNK));
	close(fd);
	COMES_TO_USE(base);
	return 0;
}

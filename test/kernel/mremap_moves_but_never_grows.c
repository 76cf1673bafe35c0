// SPDX-License-Identifier: MIT
/*
 * A mapping can be moved and shrunk, and keeps its data and physical pages. It cannot be grown,
 * duplicated, or left behind as an empty one, since that would show slots that nobody asked to map
 * (Faults A4, A11).
 */
#include "guest.h"

#define SLOTS 4UL
#define LENGTH (SLOTS * CHUNK)

static uint64_t phys[SLOTS];

static void holds_all(char *at, unsigned long slots)
{
	unsigned long slot;

	FILLED(at, slots * CHUNK, 1);
	for (slot = 0; slot < slots; slot++) {
		EQUAL(phys_of(at + slot * CHUNK), phys[slot]);
		EQUAL(phys_of(at + (slot + 1) * CHUNK - PAGE), phys[slot] + CHUNK - PAGE);
	}
}

static char *move(char *from, size_t phase)
{
	char *to = find_addresses(LENGTH, phase);

	CHECK(mremap(from, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	EQUAL(signal_of_read(from), SIGSEGV);
	holds_all(to, SLOTS);
	return to;
}

static void cannot_grow(int fd, char *at)
{
	struct pinned_mem_info before = info_of(fd);
	char *to = find_addresses(2 * LENGTH, 0);

	REFUSED(mremap(at, LENGTH, LENGTH + PAGE, 0), EFAULT);
	REFUSED(mremap(at, LENGTH, LENGTH + PAGE, MREMAP_MAYMOVE), EFAULT);
	REFUSED(mremap(at, LENGTH, 2 * LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED, to), EFAULT);
	REFUSED(mremap(at, CHUNK, 2 * CHUNK, MREMAP_MAYMOVE), EFAULT);
	/*
	 * Length 0 would make a second mapping; MREMAP_DONTUNMAP would leave an empty one behind.
	 */
	REFUSED(mremap(at, 0, LENGTH, MREMAP_MAYMOVE), EFAULT);
	REFUSED(mremap(at, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_DONTUNMAP), EINVAL);
	EQUAL(signal_of_read(to), SIGSEGV);
	EQUAL(signal_of_read(at + LENGTH), SIGSEGV);
	UNCHANGED(fd, before);
	holds_all(at, SLOTS);
}

/* Moves a chunk in the middle, and a page within a chunk. */
static void move_parts(char *at)
{
	char *chunk = find_addresses(CHUNK, 0), *page = find_addresses(PAGE, 5 * PAGE);

	CHECK(mremap(at + CHUNK, CHUNK, CHUNK, MREMAP_MAYMOVE | MREMAP_FIXED, chunk) == chunk);
	CHECK(mremap(chunk + 9 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page) == page);
	EQUAL(phys_of(chunk + 8 * PAGE), phys[1] + 8 * PAGE);
	EQUAL(phys_of(page), phys[1] + 9 * PAGE);
	EQUAL(signal_of_read(at + CHUNK), SIGSEGV);
	EQUAL(signal_of_read(chunk + 9 * PAGE), SIGSEGV);
	CHECK(mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, chunk + 9 * PAGE) ==
	      chunk + 9 * PAGE);
	CHECK(mremap(chunk, CHUNK, CHUNK, MREMAP_MAYMOVE | MREMAP_FIXED, at + CHUNK) ==
		      at + CHUNK ||
	      errno == EFAULT);
	WORKS(munmap(chunk, CHUNK));
	WORKS(munmap(at + CHUNK, CHUNK));
}

int main(void)
{
	unsigned long base = used_chunks();
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);

	WORKS(populate(fd, 0, SLOTS, phys));
	fill(at, LENGTH, 1);
	cannot_grow(fd, at);
	at = move(at, 0);
	at = move(at, 3 * PAGE);
	cannot_grow(fd, at);
	at = move(at, CHUNK - PAGE);
	at = move(at, 0);
	CHECK(mremap(at, LENGTH, 3 * CHUNK, 0) == at);
	EQUAL(signal_of_read(at + 3 * CHUNK), SIGSEGV);
	holds_all(at, 3);
	move_parts(at);
	EQUAL(info_of(fd).pool_chunks, SLOTS);
	WORKS(munmap(at, LENGTH));
	close(fd);
	COMES_TO_USE(base);
	return 0;
}

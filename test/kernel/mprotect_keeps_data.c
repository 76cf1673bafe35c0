// SPDX-License-Identifier: MIT
/*
 * mprotect() takes access away and gives it back, for whole chunks and for pages inside them, and
 * neither data nor physical pages change (Faults A10).
 */
#include "guest.h"

#define SLOTS 3UL
#define LENGTH (SLOTS * CHUNK)

static uint64_t phys[SLOTS];

static void is_unchanged(char *at)
{
	size_t page;

	FILLED(at, LENGTH, 1);
	for (page = 0; page < LENGTH; page += 16 * PAGE)
		EQUAL(phys_of(at + page), phys[page / CHUNK] + page % CHUNK);
}

static void there_and_back(char *at, size_t from, size_t to)
{
	WORKS(mprotect(at + from, to - from, PROT_READ));
	FILLED(at, LENGTH, 1);
	EQUAL(signal_of_write(at + from), SIGSEGV);
	EQUAL(signal_of_write(at + to - 1), SIGSEGV);
	WORKS(mprotect(at + from, to - from, PROT_NONE));
	EQUAL(signal_of_read(at + from), SIGSEGV);
	EQUAL(signal_of_read(at + to - 1), SIGSEGV);
	if (from)
		EQUAL(signal_of_read(at + from - 1), 0);
	if (to < LENGTH)
		EQUAL(signal_of_read(at + to), 0);
	WORKS(mprotect(at + from, to - from, RW));
	is_unchanged(at);
}

static void in_mapping(char *at)
{
	fill(at, LENGTH, 1);
	there_and_back(at, 0, LENGTH);
	there_and_back(at, CHUNK, 2 * CHUNK);
	there_and_back(at, CHUNK + 5 * PAGE, CHUNK + 6 * PAGE);
	there_and_back(at, CHUNK - PAGE, 2 * CHUNK + PAGE);
}

int main(void)
{
	int fd = open_pool();

	WORKS(populate(fd, 0, SLOTS, phys));
	in_mapping(map_slots(fd, 0, SLOTS));
	in_mapping(map_slots_off(fd, 0, SLOTS, PAGE));
	return 0;
}

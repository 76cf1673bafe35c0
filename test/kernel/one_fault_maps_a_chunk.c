// SPDX-License-Identifier: MIT
/*
 * One fault maps a whole chunk on every kernel, by one entry or by one for each page, also where
 * the mapping shows only a part of the chunk. While a forked child needs copies, a fault maps one
 * page; when no child is left, small entries come by the chunk again (Faults C21).
 */
#include "guest.h"

#include <sys/resource.h>

#define SLOTS 3UL
#define CHUNK_KIB (CHUNK / 1024)

static long faults(void)
{
	struct rusage usage;

	WORKS(getrusage(RUSAGE_SELF, &usage));
	return usage.ru_minflt + usage.ru_majflt;
}

static void by_one_fault(char *at)
{
	long before;

	for (unsigned long i = 0; i < SLOTS; i++) {
		EQUAL(smaps_kib(at, "Rss"), i * CHUNK_KIB);
		/* The last page, since the kernel maps pages in ascending order. */
		at[(i + 1) * CHUNK - 1 - i * PAGE] = 1;
		EQUAL(smaps_kib(at, "Rss"), (i + 1) * CHUNK_KIB);
	}
	before = faults();
	touch_pages(at, SLOTS * CHUNK);
	EQUAL(faults(), before);
}

static void of_a_part(int fd)
{
	char *at = map_slots(fd, 0, SLOTS);

	WORKS(munmap(at + CHUNK + 5 * PAGE, CHUNK));
	at[CHUNK + PAGE] = 2;
	if (!maps_huge(fd))
		EQUAL(smaps_kib(at, "Rss"), 5 * PAGE / 1024);
	touch_pages(at, CHUNK + 5 * PAGE);
	EQUAL(smaps_kib(at, "Rss"), CHUNK_KIB + 5 * PAGE / 1024);
	at[2 * CHUNK + 5 * PAGE] = 3;
	EQUAL(at[2 * CHUNK + 6 * PAGE], 0);
	WORKS(munmap(at, CHUNK + 5 * PAGE));
	WORKS(munmap(at + 2 * CHUNK + 5 * PAGE, CHUNK - 5 * PAGE));
}

static void after_a_fork(int fd, char *at)
{
	struct gate may_go = make_gate();
	pid_t pid = WORKS(fork());

	if (!pid) {
		wait_at(&may_go);
		_exit(0);
	}
	at[7 * PAGE] = 4;
	EQUAL(smaps_kib(at, "Rss"), PAGE / 1024);
	let_pass(&may_go);
	ENDED_WELL(pid);
	COMES_TO_COPIES(0);
	if (maps_huge(fd))
		return;
	at[7 * PAGE] = 5;
	EQUAL(smaps_kib(at, "Rss"), PAGE / 1024);
	at[PAGE] = 6;
	EQUAL(smaps_kib(at, "Rss"), CHUNK_KIB);
}

int main(void)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);

	WORKS(populate(fd, 0, SLOTS, NULL));
	by_one_fault(at);
	of_a_part(fd);
	after_a_fork(fd, at);
	WORKS(munmap(at, SLOTS * CHUNK));
	close(fd);
	return 0;
}

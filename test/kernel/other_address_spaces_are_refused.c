// SPDX-License-Identifier: MIT
/*
 * A pool obeys only the address space that opened it. In a forked child mmap and every request but
 * INFO fail with EPERM and change nothing, and the owner's pool keeps working (Faults A14, A15).
 */
#include "guest.h"

#define SLOTS 2UL

static void child(void *arg)
{
	int fd = *(int *)arg;
	struct pinned_mem_info before = info_of(fd);
	struct pinned_mem_query found;
	uint64_t phys = 0;

	EQUAL(before.pool_chunks, SLOTS);
	REFUSED(populate(fd, SLOTS, 1, &phys), EPERM);
	EQUAL(phys, 0);
	REFUSED(punch(fd, 0, 1), EPERM);
	REFUSED(query(fd, 0, &found), EPERM);
	EQUAL(found.phys, 0);
	REFUSED(mmap(NULL, CHUNK, RW, MAP_SHARED, fd, 0), EPERM);
	REFUSED(mmap(NULL, CHUNK, PROT_READ, MAP_SHARED, fd, 0), EPERM);
	REFUSED(mmap(NULL, CHUNK, RW, MAP_PRIVATE, fd, 0), EPERM);
	UNCHANGED(fd, before);
	/* Invalid requests are refused as well; the errno may differ. */
	CHECK(populate(fd, SLOTS, 0, NULL) && punch(fd, 50, 1));
	UNCHANGED(fd, before);
}

/* Closing an inherited descriptor affects only the child. */
static void close_and_exit(void *arg)
{
	close(*(int *)arg);
}

int main(void)
{
	int fd = open_pool();
	uint64_t phys[SLOTS];
	char *at = map_slots(fd, 0, SLOTS);

	WORKS(populate(fd, 0, SLOTS, phys));
	fill(at, SLOTS * CHUNK, 1);
	ENDED_WELL(spawn(child, &fd));
	ENDED_WELL(spawn(close_and_exit, &fd));
	FILLED(at, SLOTS * CHUNK, 1);
	EQUAL(phys_of(at), phys[0]);
	WORKS(populate(fd, SLOTS, 1, NULL));
	WORKS(punch(fd, 0, SLOTS + 1));
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * A pool that is mapped several times (the same slot twice, parts of chunks, moved and split
 * mappings) is one memory in a forked child too: each page that the child writes is copied once,
 * every mapping shows the same copy, unmapped parts are not copied, and the copies are freed with
 * the last mapping (Faults A3, A4).
 */
#include "guest.h"

#define SLOTS 6UL
#define MAPPED 5UL

struct mappings {
	char *whole; /* slots 0 to 2, as two mappings split inside slot 1 */
	char *again; /* slots 0 and 1, not congruent */
	char *part;  /* eight pages from slot 2 into slot 3 */
	char *moved; /* slot 4, after mremap() */
};

static char *map_part(int fd)
{
	char *at = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, fd, (off_t)(3 * CHUNK - 4 * PAGE));

	CHECK(at != MAP_FAILED);
	return at;
}

static char *map_moved(int fd)
{
	char *at = map_slots(fd, 4, 1), *to = find_addresses(CHUNK, 0);

	touch_pages(at, CHUNK);
	CHECK(mremap(at, CHUNK, CHUNK, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	return to;
}

static void write_all(struct mappings *m, uint64_t seed)
{
	fill(m->whole, CHUNK + 5 * PAGE, seed);
	fill(m->whole + CHUNK + 7 * PAGE, 2 * CHUNK - 7 * PAGE, seed + 1);
	fill(m->part + 4 * PAGE, 4 * PAGE, seed + 2);
	fill(m->moved, CHUNK, seed + 3);
}

static void all_hold(struct mappings *m, uint64_t seed)
{
	FILLED(m->whole, CHUNK + 5 * PAGE, seed);
	FILLED(m->whole + CHUNK + 7 * PAGE, 2 * CHUNK - 7 * PAGE, seed + 1);
	FILLED(m->part + 4 * PAGE, 4 * PAGE, seed + 2);
	FILLED(m->moved, CHUNK, seed + 3);
	FILLED(m->again, CHUNK + 5 * PAGE, seed);
	CHECK(!memcmp(m->part, m->whole + 3 * CHUNK - 4 * PAGE, 4 * PAGE));
}

static void unmap_all(struct mappings *m)
{
	WORKS(munmap(m->whole, 3 * CHUNK));
	WORKS(munmap(m->again, 2 * CHUNK));
	WORKS(munmap(m->part, 8 * PAGE));
	WORKS(munmap(m->moved, CHUNK));
}

static void child(void *arg)
{
	unsigned long copies;

	all_hold(arg, 10);
	EQUAL(snapshot_pages(), 0);
	write_all(arg, 20);
	all_hold(arg, 20);
	copies = snapshot_pages();
	CHECK(copies && copies <= MAPPED * CHUNK_PAGES);
	write_all(arg, 20);
	all_hold(arg, 20);
	EQUAL(snapshot_pages(), copies);
	unmap_all(arg);
	EQUAL(snapshot_pages(), 0);
}

int main(void)
{
	unsigned long base = used_chunks();
	int fd = open_pool();
	struct mappings m;
	int round;

	WORKS(populate(fd, 0, SLOTS, NULL));
	m = (struct mappings){
		.whole = map_slots(fd, 0, 3),
		.again = map_slots_off(fd, 0, 2, PAGE),
		.part = map_part(fd),
		.moved = map_moved(fd),
	};
	WORKS(munmap(m.whole + CHUNK + 5 * PAGE, 2 * PAGE));
	write_all(&m, 10);
	for (round = 0; round < 10; round++) {
		ENDED_WELL(spawn(child, &m));
		all_hold(&m, 10);
		EQUAL(used_chunks(), base + SLOTS);
	}
	unmap_all(&m);
	EQUAL(used_chunks(), base + SLOTS);
	close(fd);
	COMES_TO_USE(base);
	return 0;
}

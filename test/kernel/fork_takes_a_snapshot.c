// SPDX-License-Identifier: MIT
/*
 * A forked child sees the memory as it was at the fork, as private copy-on-write memory. Parent and
 * child do not see each other's writes, and the parent keeps its physical pages, huge mappings and
 * slots (Faults A3, A20, B13).
 */
#include "guest.h"

#define SLOTS 4UL
#define EMPTY SLOTS /* one more slot is mapped that holds nothing */

struct family {
	int fd;
	char *at;
	uint64_t *phys;
	unsigned long base;
	struct gate child_may_look, parent_may_look, child_may_go;
};

static void child_has_pages_of_its_own(const struct family *f)
{
	unsigned long slot, other;
	uint64_t phys;

	for (slot = 0; slot < SLOTS; slot++) {
		phys = phys_of(f->at + slot * CHUNK);
		CHECK(phys);
		for (other = 0; other < SLOTS; other++)
			CHECK(phys != f->phys[other]);
	}
}

static void child(void *arg)
{
	struct family *f = arg;

	wait_at(&f->child_may_look);
	FILLED(f->at, SLOTS * CHUNK, 1);
	EQUAL(signal_of_read(f->at + EMPTY * CHUNK), SIGBUS);
	child_has_pages_of_its_own(f);
	fill(f->at, SLOTS * CHUNK, 3);
	let_pass(&f->parent_may_look);
	wait_at(&f->child_may_go);
	FILLED(f->at, SLOTS * CHUNK, 3);
	EQUAL(signal_of_read(f->at + EMPTY * CHUNK), SIGBUS);
}

static void parent_keeps_its_pages(const struct family *f)
{
	unsigned long slot;

	for (slot = 0; slot < SLOTS; slot++) {
		touch_pages(f->at + slot * CHUNK, PAGE);
		EQUAL(phys_of(f->at + slot * CHUNK), f->phys[slot]);
	}
}

static void parent(struct family *f)
{
	fill(f->at, SLOTS * CHUNK, 2);
	EQUAL(info_of(f->fd).pool_chunks, SLOTS);
	EQUAL(used_chunks(), f->base + SLOTS);
	EQUAL(snapshot_pages(), SLOTS * CHUNK_PAGES);
	let_pass(&f->child_may_look);
	wait_at(&f->parent_may_look);
	FILLED(f->at, SLOTS * CHUNK, 2);
	/* The child sees neither the slot that was filled after the fork nor the punch. */
	WORKS(populate(f->fd, EMPTY, 1, NULL));
	WORKS(punch(f->fd, 0, 1));
	fill(f->at + EMPTY * CHUNK, CHUNK, 5);
	let_pass(&f->child_may_go);
}

int main(void)
{
	uint64_t phys[SLOTS];
	struct family f = { .base = used_chunks(), .fd = open_pool(), .phys = phys };
	pid_t pid;

	WORKS(populate(f.fd, 0, SLOTS, phys));
	f.at = map_slots(f.fd, 0, SLOTS + 1);
	f.child_may_look = make_gate();
	f.parent_may_look = make_gate();
	f.child_may_go = make_gate();
	fill(f.at, SLOTS * CHUNK, 1);
	pid = spawn(child, &f);
	parent_keeps_its_pages(&f);
	parent(&f);
	ENDED_WELL(pid);
	COMES_TO_USE(f.base + SLOTS);
	COMES_TO_COPIES(0);
	WORKS(punch(f.fd, EMPTY, 1));
	WORKS(populate(f.fd, 0, 1, &phys[0]));
	map_again(f.fd, f.at, 0, SLOTS + 1);
	parent_keeps_its_pages(&f);
	EQUAL(info_of(f.fd).split_mappings, 0);
	if (info_of(f.fd).features & PINNED_MEM_FEATURE_HUGE_MAP)
		EQUAL(smaps_kib(f.at, "FilePmdMapped"), SLOTS * CHUNK / 1024);
	WORKS(munmap(f.at, (SLOTS + 1) * CHUNK));
	close(f.fd);
	COMES_TO_USE(f.base);
	return 0;
}

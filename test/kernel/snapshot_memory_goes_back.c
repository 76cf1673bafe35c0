// SPDX-License-Identifier: MIT
/*
 * Memory that a forked child inherited goes back as soon as nobody needs it, a chunk at a time:
 * when the child has unmapped the chunk, also while the parent lives; when each process that needs
 * the chunk of a dead parent has copies of it; and when the last process that needs the chunk dies
 * (Faults E20). What any process may still access stays, with its contents.
 */
#include "guest.h"

#include <sys/prctl.h>

#define SLOTS 4UL

static int fd;
static char *at;
static struct gate owner_is_gone;
static unsigned long base;

static char *slot_at(unsigned long slot)
{
	return at + slot * CHUNK;
}

static void check_slot(unsigned long slot)
{
	FILLED(slot_at(slot), CHUNK, 10 + slot);
}

static void drop(unsigned long slot)
{
	WORKS(munmap(slot_at(slot), CHUNK));
}

static void make_memory(void)
{
	fd = open_pool();
	WORKS(populate(fd, 0, SLOTS, NULL));
	at = map_slots(fd, 0, SLOTS);
	for (unsigned long slot = 0; slot < SLOTS; slot++)
		fill(slot_at(slot), CHUNK, 10 + slot);
}

static void wait_for_child(void)
{
	int status;

	WORKS(wait(&status));
	EQUAL(status, 0);
}

/* Runs @run in a child whose parent, the memory's owner, has died. */
static void in_orphan(void (*run)(void))
{
	owner_is_gone = make_gate();
	if (!WORKS(fork())) {
		make_memory();
		if (WORKS(fork()))
			_exit(0);
		wait_at(&owner_is_gone);
		run();
		_exit(0);
	}
	wait_for_child();
	let_pass(&owner_is_gone);
	wait_for_child();
	COMES_TO_COPIES(0);
	COMES_TO_USE(base);
}

static void unmaps_part_by_part(void)
{
	COMES_TO_USE(base + SLOTS);
	drop(0);
	COMES_TO_USE(base + 3);
	WORKS(munmap(slot_at(1) + PAGE, CHUNK - PAGE));
	EQUAL(used_chunks(), base + 3);
	FILLED(slot_at(1), PAGE, 11);
	WORKS(munmap(slot_at(1), PAGE));
	COMES_TO_USE(base + 2);
	CHECK(mmap(slot_at(2), CHUNK, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	      slot_at(2));
	COMES_TO_USE(base + 1);
	ZEROED(slot_at(2), CHUNK);
	check_slot(3);
}

/* Writes to the @i-th page of the slot, in an order of pages that depends on the slot. */
static void write_page(unsigned long slot, unsigned long i)
{
	unsigned long orders[] = { i, CHUNK_PAGES - 1 - i, i * 37 % CHUNK_PAGES };
	volatile char *page = slot_at(slot) + orders[slot] * PAGE;

	EQUAL(snapshot_pages(), slot * CHUNK_PAGES + i);
	EQUAL(used_chunks(), base + SLOTS - slot);
	EQUAL(signal_of_read((char *)page), 0);
	page[PAGE - 1] ^= 1;
	page[PAGE - 1] ^= 1;
}

static void copies_all(void)
{
	for (unsigned long slot = 0; slot < 3; slot++) {
		for (unsigned long i = 0; i < CHUNK_PAGES; i++)
			write_page(slot, i);
		COMES_TO_USE(base + SLOTS - 1 - slot);
	}
	for (unsigned long slot = 0; slot < SLOTS; slot++)
		check_slot(slot);
	drop(1);
	EQUAL(snapshot_pages(), 2 * CHUNK_PAGES);
}

/* A mapping that has moved still shows what it showed. */
static void moves(void)
{
	char *elsewhere = find_addresses(CHUNK, 0);

	CHECK(mremap(slot_at(0), CHUNK, CHUNK, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) ==
	      elsewhere);
	EQUAL(used_chunks(), base + SLOTS);
	FILLED(elsewhere, CHUNK, 10);
	WORKS(mprotect(elsewhere + PAGE, PAGE, PROT_READ));
	WORKS(munmap(elsewhere, PAGE));
	EQUAL(used_chunks(), base + SLOTS);
	WORKS(munmap(elsewhere + PAGE, CHUNK - PAGE));
	COMES_TO_USE(base + SLOTS - 1);
	check_slot(1);
}

/* A grandchild needs what its parent unmaps after the fork, but not what it unmapped before. */
static void has_a_child(void)
{
	struct gate may_drop = make_gate();

	drop(0);
	slot_at(2)[5] ^= 1;
	if (!WORKS(fork())) {
		wait_at(&may_drop);
		EQUAL(used_chunks(), base + 3);
		slot_at(2)[5] ^= 1;
		for (unsigned long slot = 1; slot < SLOTS; slot++)
			check_slot(slot);
		drop(1);
		COMES_TO_USE(base + 2);
		drop(2);
		COMES_TO_USE(base + 1);
		EQUAL(snapshot_pages(), 0);
		check_slot(3);
		_exit(0);
	}
	drop(1);
	drop(2);
	let_pass(&may_drop);
	wait_for_child();
	check_slot(3);
}

/* What only one of two children needs goes back when that child dies. */
static void has_a_brother(void)
{
	struct gate may_die = make_gate(), has_dropped = make_gate();

	if (!WORKS(fork())) {
		drop(1);
		let_pass(&has_dropped);
		wait_at(&may_die);
		check_slot(0);
		_exit(0);
	}
	drop(0);
	wait_at(&has_dropped);
	EQUAL(used_chunks(), base + SLOTS);
	let_pass(&may_die);
	wait_for_child();
	COMES_TO_USE(base + SLOTS - 1);
	for (unsigned long slot = 1; slot < SLOTS; slot++)
		check_slot(slot);
}

static struct gate has_dropped, has_written;

static void drops_and_waits(void *arg)
{
	(void)arg;
	fill(slot_at(0), CHUNK, 1);
	EQUAL(snapshot_pages(), CHUNK_PAGES);
	drop(0);
	drop(1);
	EQUAL(snapshot_pages(), 0);
	let_pass(&has_dropped);
	wait_at(&has_written);
	check_slot(2);
	check_slot(3);
}

/* A living parent copies nothing for a child that has unmapped the memory. */
static void parent_lives(void)
{
	pid_t pid;

	has_dropped = make_gate();
	has_written = make_gate();
	make_memory();
	pid = spawn(drops_and_waits, NULL);
	wait_at(&has_dropped);
	fill(slot_at(0), CHUNK, 3);
	fill(slot_at(1), CHUNK, 3);
	WORKS(punch(fd, 1, 1));
	EQUAL(snapshot_pages(), 0);
	fill(slot_at(2), CHUNK, 3);
	EQUAL(snapshot_pages(), CHUNK_PAGES);
	let_pass(&has_written);
	ENDED_WELL(pid);
	COMES_TO_COPIES(0);
	WORKS(munmap(at, SLOTS * CHUNK));
	close(fd);
	COMES_TO_USE(base);
}

int main(void)
{
	base = used_chunks();
	WORKS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	parent_lives();
	in_orphan(unmaps_part_by_part);
	in_orphan(copies_all);
	in_orphan(moves);
	in_orphan(has_a_child);
	in_orphan(has_a_brother);
	return 0;
}

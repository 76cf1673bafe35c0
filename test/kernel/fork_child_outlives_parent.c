// SPDX-License-Identifier: MIT
/*
 * A child that outlives its parent keeps its snapshot and can fork again. The parent's chunks that
 * the child may still need to copy from stay, and nobody else gets them, until the child has gone.
 * The chunks that the child has copies of are freed with the parent (Faults A3, A14, E20).
 */
#include "guest.h"

#include <sys/prctl.h>

#define SLOTS 8UL
/* The slots that the parent writes to after the fork, so that the child gets copies. */
#define COPIED 3UL
#define LEFT (SLOTS - COPIED)

struct family {
	struct gate parent_is_gone, may_go;
	unsigned long base;
	char *at;
	int fd;
};

static void check_snapshot(void *arg)
{
	struct family *f = arg;

	FILLED(f->at, SLOTS * CHUNK, 1);
	fill(f->at, SLOTS * CHUNK, 2);
}

static void orphan(struct family *f)
{
	struct pinned_mem_query found;

	wait_at(&f->parent_is_gone);
	EQUAL(info_of(f->fd).pool_chunks, LEFT);
	ENDED_WELL(spawn(check_snapshot, f));
	FILLED(f->at, SLOTS * CHUNK, 1);
	REFUSED(populate(f->fd, SLOTS, 1, NULL), EPERM);
	REFUSED(query(f->fd, 0, &found), EPERM);
	/* A pool of the child's own works beside the inherited memory. */
	f->fd = open_pool();
	WORKS(populate(f->fd, 0, 1, NULL));
	fill(map_slots(f->fd, 0, 1), CHUNK, 5);
	FILLED(f->at, SLOTS * CHUNK, 1);
	wait_at(&f->may_go);
	_exit(0);
}

/* Makes the memory, forks a child that inherits it, and exits. */
static void parent(void *arg)
{
	struct family *f = arg;

	f->fd = open_pool();
	WORKS(populate(f->fd, 0, SLOTS, NULL));
	f->at = map_slots(f->fd, 0, SLOTS);
	fill(f->at, SLOTS * CHUNK, 1);
	if (!WORKS(fork()))
		orphan(f);
	fill(f->at, COPIED * CHUNK, 3);
}

static void use_much_memory(unsigned long base)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, 100);

	WORKS(populate(fd, 0, 100, NULL));
	fill(at, 100 * CHUNK, 9);
	WORKS(munmap(at, 100 * CHUNK));
	close(fd);
	COMES_TO_USE(base + LEFT);
}

int main(void)
{
	struct family f = {
		.parent_is_gone = make_gate(),
		.may_go = make_gate(),
		.base = used_chunks(),
	};
	int status;

	/* Lets this process wait for the orphan. */
	WORKS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	ENDED_WELL(spawn(parent, &f));
	COMES_TO_USE(f.base + LEFT);
	use_much_memory(f.base);
	let_pass(&f.parent_is_gone);
	let_pass(&f.may_go);
	CHECK(wait(&status) > 0);
	EQUAL(status, 0);
	COMES_TO_USE(f.base);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Two processes have two pools: the same offset refers to different memory in each, neither process
 * sees the other's bytes or chunks, and the end of one does not affect the other (Faults A12, A17).
 */
#include "guest.h"

#define SLOTS 6UL

struct shared {
	struct gate is_filled, may_end;
	uint64_t phys[SLOTS];
};

static void be_the_other(void *arg)
{
	struct shared *shared = arg;
	int fd = open_pool();
	char *at;

	WORKS(populate(fd, 0, SLOTS, shared->phys));
	at = map_slots(fd, 0, SLOTS);
	ZEROED(at, SLOTS * CHUNK);
	fill(at, SLOTS * CHUNK, 2);
	let_pass(&shared->is_filled);
	wait_at(&shared->may_end);
	FILLED(at, SLOTS * CHUNK, 2);
}

int main(void)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = open_pool();
	uint64_t phys[SLOTS];
	char *at;
	pid_t pid;

	shared->is_filled = make_gate();
	shared->may_end = make_gate();
	WORKS(populate(fd, 0, SLOTS, phys));
	at = map_slots(fd, 0, SLOTS);
	fill(at, SLOTS * CHUNK, 1);
	pid = spawn(be_the_other, shared);
	wait_at(&shared->is_filled);
	for (size_t i = 0; i < SLOTS * SLOTS; i++)
		CHECK(phys[i / SLOTS] != shared->phys[i % SLOTS]);
	FILLED(at, SLOTS * CHUNK, 1);
	EQUAL(info_of(fd).pool_chunks, SLOTS);
	WORKS(punch(fd, 0, 1));
	let_pass(&shared->may_end);
	ENDED_WELL(pid);
	COMES_TO_USE(SLOTS - 1);
	return 0;
}

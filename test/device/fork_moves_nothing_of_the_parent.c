// SPDX-License-Identifier: MIT
/*
 * Protects a device that works on a process's memory while the process forks: the parent's
 * addresses stay, before, during and after the child's life; the child learns no address of
 * inherited memory, sees the contents of the time of the fork, and allocates memory elsewhere. A
 * user of the device needs no further right to learn this (Faults B13).
 */
#include "guest.h"
#include "pinned.h"

#define OBJECTS 8
#define SIZE (3 * CHUNK / 2)

static char *objects[OBJECTS];
static uint64_t phys[OBJECTS];
static int answers[2];

static void are_where_they_were(uint64_t seed)
{
	for (size_t i = 0; i < OBJECTS; i++) {
		EQUAL(pinned_v2p(objects[i]), phys[i]);
		FILLED(objects[i], SIZE, seed + i);
	}
}

static void child(void *gate)
{
	char *mine;
	uint64_t address;

	wait_at(gate);
	for (size_t i = 0; i < OBJECTS; i++) {
		EQUAL(pinned_v2p(objects[i]), PINNED_NO_PHYS);
		FILLED(objects[i], SIZE, i);
		fill(objects[i], SIZE, 200 + i);
	}
	mine = pinned_malloc(CHUNK);
	CHECK(mine);
	fill(mine, CHUNK, 1);
	address = pinned_v2p(mine);
	EQUAL(write(answers[1], &address, sizeof(address)), sizeof(address));
	pinned_free(mine);
}

int main(void)
{
	struct gate gate = make_gate();
	struct pinned_extent extents[4];
	uint64_t elsewhere;
	int fd = open_pool();
	pid_t pid;

	if (!(info_of(fd).features & PINNED_MEM_FEATURE_PHYS))
		test_skip("only CAP_SYS_RAWIO learns physical addresses here (strict_phys)");
	WORKS(pipe(answers));
	for (size_t i = 0; i < OBJECTS; i++) {
		objects[i] = pinned_malloc(SIZE);
		CHECK(objects[i]);
		fill(objects[i], SIZE, i);
		phys[i] = pinned_v2p(objects[i]);
		CHECK(phys[i] != PINNED_NO_PHYS);
	}
	pid = spawn(child, &gate);
	for (size_t i = 0; i < OBJECTS; i++)
		fill(objects[i], SIZE, 100 + i);
	are_where_they_were(100);
	let_pass(&gate);
	EQUAL(read(answers[0], &elsewhere, sizeof(elsewhere)), sizeof(elsewhere));
	for (size_t i = 0; i < OBJECTS; i++) {
		long count = WORKS(pinned_v2p_sg(objects[i], SIZE, extents, 4));

		for (long k = 0; k < count; k++)
			CHECK(elsewhere + CHUNK <= extents[k].phys ||
			      elsewhere >= extents[k].phys + extents[k].len);
	}
	ENDED_WELL(pid);
	are_where_they_were(100);
	return 0;
}

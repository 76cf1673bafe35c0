// SPDX-License-Identifier: MIT
/*
 * Protects the parent's memory from devices that a child programs, and the child's heap from its
 * parent. Memory that a child inherits is a copy of its own: the child can read, write and free it,
 * but it has no physical address. Memory that the child allocates has one. This holds for fork, for
 * clone without atfork handlers, and for the child's own child (Faults B12, B13, B35).
 */
#include <sched.h>
#include <sys/syscall.h>

#include "guest.h"
#include "pinned.h"

#define OBJECTS 64
#define SIZE(i) ((size_t)100 << ((i) % 15))

static char *objects[OBJECTS];

static void check_own(void)
{
	for (size_t i = 0; i < OBJECTS; i++) {
		char *mine = pinned_malloc(SIZE(i));

		CHECK(mine);
		fill(mine, SIZE(i), i);
		EQUAL(pinned_v2p(mine), phys_of(mine));
		for (size_t k = 0; k < OBJECTS; k++)
			CHECK(mine + SIZE(i) <= objects[k] || objects[k] + SIZE(k) <= mine);
	}
}

static void check_inherited(void)
{
	for (size_t i = 0; i < OBJECTS; i++) {
		EQUAL(pinned_v2p(objects[i]), PINNED_NO_PHYS);
		FILLED(objects[i], SIZE(i), 1000 + i);
		fill(objects[i], SIZE(i), 5000 + i);
	}
}

static void free_inherited(void)
{
	for (size_t i = 0; i < OBJECTS; i += 2)
		pinned_free(objects[i]);
	for (size_t i = 1; i < OBJECTS; i += 2) {
		char *moved = pinned_realloc(objects[i], 2 * SIZE(i));

		CHECK(moved);
		FILLED(moved, SIZE(i), 5000 + i);
		EQUAL(pinned_v2p(moved), phys_of(moved));
	}
}

static void grandchild(void *arg)
{
	char *parents = arg;

	EQUAL(pinned_v2p(parents), PINNED_NO_PHYS);
	FILLED(parents, 5000, 77);
	check_own();
	pinned_free(parents);
}

static void child(void *arg)
{
	char *mine = pinned_malloc(5000);

	(void)arg;
	fill(mine, 5000, 77);
	check_inherited();
	check_own();
	ENDED_WELL(spawn(grandchild, mine));
	/* Touches the memory, since the fork has emptied the page tables. */
	FILLED(mine, 5000, 77);
	EQUAL(pinned_v2p(mine), phys_of(mine));
	free_inherited();
}

/* Clones without running atfork handlers: the library must detect the fork by itself. */
static pid_t clone_without_handlers(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid)
		return pid;
	check_inherited();
	/* The thread's cache may still contain copies of the parent's free objects. */
	for (int i = 0; i < 500; i++) {
		char *mine = pinned_malloc(100);

		CHECK(mine);
		fill(mine, 100, (uint64_t)i);
		CHECK(pinned_v2p(mine) == PINNED_NO_PHYS || pinned_v2p(mine) == phys_of(mine));
	}
	_exit(0);
}

int main(void)
{
	uint64_t phys[OBJECTS];

	for (size_t i = 0; i < OBJECTS; i++) {
		objects[i] = pinned_malloc(SIZE(i));
		fill(objects[i], SIZE(i), 1000 + i);
		phys[i] = pinned_v2p(objects[i]);
	}
	for (int round = 0; round < 3; round++) {
		ENDED_WELL(spawn(child, NULL));
		ENDED_WELL(clone_without_handlers());
		for (size_t i = 0; i < OBJECTS; i++) {
			FILLED(objects[i], SIZE(i), 1000 + i);
			EQUAL(pinned_v2p(objects[i]), phys[i]);
			EQUAL(phys_of(objects[i]), phys[i]);
		}
	}
	return 0;
}

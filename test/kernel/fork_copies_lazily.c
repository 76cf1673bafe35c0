// SPDX-License-Identifier: MIT
/*
 * A fork copies nothing. A page is copied when parent or child first writes to it, once for all
 * children that still need it, and no other page is copied. After children have ended by exec or
 * exit, no copies remain, nor small mappings once the owner maps the memory again (Faults A20,
 * A47).
 */
#include "guest.h"

#include <spawn.h>
#include <sys/syscall.h>

#define SLOTS 64UL

static int fd;
static char *at;
static uint64_t phys[SLOTS];

static unsigned long small_kib(void)
{
	return smaps_kib(at, "Rss") - smaps_kib(at, "FilePmdMapped");
}

static void huge_again(void)
{
	COMES_TO_COPIES(0);
	EQUAL(info_of(fd).snapshots, 0);
	map_again(fd, at, 0, SLOTS);
	EQUAL(info_of(fd).split_mappings, 0);
	touch_pages(at, SLOTS * CHUNK);
	EQUAL(smaps_kib(at, "Rss"), SLOTS * CHUNK / 1024);
	if (maps_huge(fd))
		EQUAL(small_kib(), 0);
	for (unsigned long i = 0; i < SLOTS; i++)
		EQUAL(phys_of(at + i * CHUNK), phys[i]);
	FILLED(at, CHUNK, 1);
}

static pid_t waiting_child(struct gate *may_go)
{
	pid_t pid = WORKS(fork());

	if (!pid) {
		wait_at(may_go);
		_exit(0);
	}
	return pid;
}

static void parent_touches(void)
{
	struct gate may_go = make_gate();
	pid_t pid = waiting_child(&may_go);

	EQUAL(snapshot_pages(), 0);
	EQUAL(info_of(fd).snapshots, 1);
	EQUAL(info_of(fd).split_mappings, maps_huge(fd));
	EQUAL(smaps_kib(at, "Rss"), 0);
	touch_pages(at + 5 * CHUNK, 1);
	EQUAL(snapshot_pages(), 1);
	touch_pages(at + 5 * CHUNK + 1, 1);
	EQUAL(snapshot_pages(), 1);
	EQUAL(smaps_kib(at, "Rss"), PAGE / 1024);
	EQUAL(phys_of(at + 5 * CHUNK), phys[5]);
	let_pass(&may_go);
	ENDED_WELL(pid);
	huge_again();
}

static void touch_one(void *arg)
{
	unsigned long before = snapshot_pages();

	(void)arg;
	touch_pages(at + 3 * CHUNK + PAGE, 1);
	EQUAL(snapshot_pages(), before + 1);
	EQUAL(smaps_kib(at, "Rss"), PAGE / 1024);
}

static void child_touches(void)
{
	ENDED_WELL(spawn(touch_one, NULL));
	huge_again();
}

/* With many children, as in a server, the parent pays for one copy, which all children share. */
static void children_share(void)
{
	enum { CHILDREN = 10 };
	struct gate may_go = make_gate();
	pid_t pids[CHILDREN];
	int i;

	for (i = 0; i < CHILDREN; i++)
		pids[i] = waiting_child(&may_go);
	touch_pages(at, 1);
	EQUAL(snapshot_pages(), 1);
	for (i = 0; i < CHILDREN; i++)
		let_pass(&may_go);
	for (i = 0; i < CHILDREN; i++)
		ENDED_WELL(pids[i]);
	huge_again();
}

static void checks_and_writes(void *seed)
{
	FILLED(at, CHUNK, 1);
	fill(at, CHUNK, (uintptr_t)seed);
	FILLED(at, CHUNK, (uintptr_t)seed);
}

static void sharers_are_separate(void)
{
	pid_t pids[6];

	for (uintptr_t i = 0; i < 6; i++)
		pids[i] = spawn(checks_and_writes, (void *)(i + 50));
	fill(at, CHUNK, 2);
	for (int i = 0; i < 6; i++)
		ENDED_WELL(pids[i]);
	FILLED(at, CHUNK, 2);
	fill(at, CHUNK, 1);
	huge_again();
}

/* /proc/self/exe is a static program, which ends at once with this argument. */
static void exec_and_spawn(void)
{
	char *argv[] = { "fork_copies_lazily", "end", NULL }, *envp[] = { NULL };
	pid_t pid;

	for (int i = 0; i < 20; i++) {
		pid = WORKS(fork());
		if (!pid) {
			execve("/proc/self/exe", argv, envp);
			_exit(1);
		}
		touch_pages(at + i * CHUNK, 1);
		ENDED_WELL(pid);
		EQUAL(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, envp), 0);
		ENDED_WELL(pid);
	}
	huge_again();
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "end"))
		return 0;
	fd = open_pool();
	WORKS(populate(fd, 0, SLOTS, phys));
	at = map_slots(fd, 0, SLOTS);
	touch_pages(at, SLOTS * CHUNK);
	fill(at, CHUNK, 1);
	if (maps_huge(fd))
		EQUAL(small_kib(), 0);
	parent_touches();
	child_touches();
	children_share();
	sharers_are_separate();
	exec_and_spawn();
	return 0;
}

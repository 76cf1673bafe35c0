// SPDX-License-Identifier: MIT
/*
 * When the machine has no memory left, POPULATE fails with ENOMEM and takes nothing. No process is
 * killed for it, and whoever holds memory keeps it (Faults A27, A29, A45).
 */
#include "guest.h"

static unsigned long all_memory(void)
{
	return meminfo_kib("MemTotal") * 1024 / CHUNK;
}

static void allow_all_memory(void)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", all_memory());
	WORKS(write_text(LIMIT_FILE, text));
}

static void all_or_none(int fd)
{
	struct pinned_mem_info before = info_of(fd);
	unsigned int rest = all_memory() - before.used_chunks;
	struct pinned_mem_query found;

	/* Beyond the limit a request is refused at once; within it, the memory does not suffice. */
	REFUSED(populate(fd, 10, rest + 1, NULL), EDQUOT);
	UNCHANGED(fd, before);
	REFUSED(populate(fd, 10, rest, NULL), ENOMEM);
	UNCHANGED(fd, before);
	REFUSED(query(fd, 10 * CHUNK, &found), ENOENT);
}

/* Takes chunks one by one until none is left; a child's snapshot may then find no pages. */
static unsigned int take_all(int fd)
{
	unsigned int slot = 10;

	while (!populate(fd, slot, 1, NULL))
		slot++;
	EQUAL(errno, ENOMEM);
	return slot - 10;
}

static void needs_more(void *at)
{
	int sig = signal_of_read(at);

	CHECK(!sig || sig == SIGBUS);
}

int main(void)
{
	unsigned long killed = processes_killed();
	int fd = open_pool();
	unsigned int taken;
	char *at;

	allow_all_memory();
	WORKS(populate(fd, 0, 2, NULL));
	at = map_slots(fd, 0, 2);
	fill(at, 2 * CHUNK, 1);
	all_or_none(fd);
	FILLED(at, 2 * CHUNK, 1);
	taken = take_all(fd);
	CHECK(taken > 100);
	ENDED_WELL(spawn(needs_more, at));
	FILLED(at, 2 * CHUNK, 1);
	WORKS(punch(fd, 10, taken));
	FILLED(at, 2 * CHUNK, 1);
	EQUAL(processes_killed(), killed);
	WORKS(write_text(LIMIT_FILE, "0"));
	return 0;
}

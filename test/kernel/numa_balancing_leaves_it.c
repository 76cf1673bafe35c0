// SPDX-License-Identifier: MIT
/*
 * The kernel's search for the node that uses some memory takes entries out of
 * the page tables and waits for the faults. It leaves this memory alone: that
 * could not be moved anyway, and what has been touched faults no more (Fault A24).
 */
#include "guest.h"

#include <time.h>

#define SLOTS 16UL
#define SWITCH "/proc/sys/kernel/numa_balancing"
/* The kernel begins after one second on the CPU, and passes once a second at most. */
#define CPU_SECONDS 4

static long cpu_seconds(void)
{
	struct timespec time;

	WORKS(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time));
	return time.tv_sec;
}

/* Huge entries that the search has taken out; nothing else in the guest has huge ones. */
static unsigned long huge_entries_taken(void)
{
	FILE *file = fopen("/proc/vmstat", "re");
	unsigned long taken = 0;
	bool is_found = false;
	char line[128];

	CHECK(file);
	while (!is_found && fgets(line, sizeof(line), file))
		is_found = sscanf(line, "numa_huge_pte_updates %lu", &taken) == 1;
	fclose(file);
	CHECK(is_found);
	return taken;
}

int main(void)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);
	unsigned long before;

	if (access(SWITCH, W_OK) || access("/sys/devices/system/node/node1", F_OK))
		test_skip("this kernel balances no nodes");
	WORKS(write_text(SWITCH, "1"));
	WORKS(populate(fd, 0, SLOTS, NULL));
	fill(at, SLOTS * CHUNK, 24);
	before = huge_entries_taken();
	while (cpu_seconds() < CPU_SECONDS) {
		EQUAL(smaps_kib(at, "Rss"), SLOTS * CHUNK / 1024);
		/* One chunk only: what faults came back would not show. */
		FILLED(at, CHUNK, 24);
	}
	EQUAL(huge_entries_taken(), before);
	FILLED(at, SLOTS * CHUNK, 24);
	return 0;
}

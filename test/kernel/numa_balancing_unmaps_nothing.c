// SPDX-License-Identifier: MIT
/*
 * NUMA balancing removes page table entries to see by the faults which node uses the memory. It
 * leaves pinned memory alone, which cannot be moved anyway: touched memory does not fault again
 * (Fault A24).
 */
#include "guest.h"

#include <time.h>

#define SLOTS 16UL
#define SWITCH "/proc/sys/kernel/numa_balancing"
/* NUMA balancing begins after one second of CPU time, and scans at most once a second. */
#define CPU_SECONDS 4

static long cpu_seconds(void)
{
	struct timespec time;

	WORKS(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time));
	return time.tv_sec;
}

/* Returns how many huge entries NUMA balancing has removed; nothing else in the guest has any. */
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
		/* Checks one chunk only; faults would restore the removed entries and hide them. */
		FILLED(at, CHUNK, 24);
	}
	EQUAL(huge_entries_taken(), before);
	FILLED(at, SLOTS * CHUNK, 24);
	return 0;
}

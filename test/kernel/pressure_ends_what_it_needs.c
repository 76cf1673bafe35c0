// SPDX-License-Identifier: MIT
/*
 * Memory pressure ends the rest of no more chunks than it asks for, and only of chunks on the NUMA
 * node that it asks for: the kernel's own tracepoint of shrinkers says what was asked, and what was
 * given (Faults C6).
 */
#include "guest.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define TRACING "/sys/kernel/tracing/"
#define RESTING "/sys/class/misc/pinned_mem/resting_chunks"
#define TIME "/sys/module/pinned_mem/parameters/quarantine_ms"
#define CGROUPS "/tmp/cgroup-pressure"
#define GROUP CGROUPS "/pinned-pressed"
#define SLOTS 64U

static void enter(void)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	WORKS(write_text(GROUP "/cgroup.procs", pid));
}

/* Dies with chunks of node 1, on a processor of node 0, so that the records could lie there. */
static void dies_knowing(void *arg)
{
	struct pinned_mem_populate request = populate_request(0, SLOTS);
	uint64_t phys[SLOTS];
	cpu_set_t first;

	(void)arg;
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	WORKS(sched_setaffinity(0, sizeof(first), &first));
	enter();
	request.node = 1;
	request.sources = PINNED_MEM_SOURCE_BUDDY;
	request.phys_ptr = (uintptr_t)phys;
	WORKS(ioctl(open_pool(), PINNED_MEM_IOC_POPULATE, &request));
	raise(SIGKILL);
}

static void comes_to_rest(unsigned long chunks)
{
	uint64_t end = now_ns() + 10000000000ULL;

	while (read_number(RESTING) != chunks && now_ns() < end)
		usleep(1000);
	EQUAL(read_number(RESTING), chunks);
}

/* Reads the number after @name in a line of the trace. */
static long field(const char *line, const char *name)
{
	const char *found = strstr(line, name);

	CHECK(found);
	return strtol(found + strlen(name), NULL, 0);
}

/* Returns how many pages the shrinker freed in all calls, each of which asked for as many. */
static long freed_as_asked(void)
{
	FILE *file = fopen(TRACING "trace", "re");
	long asked = 0, freed, sum = 0;
	char line[512];

	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "[pinned_mem]"))
			continue;
		if (strstr(line, "mm_shrink_slab_start:")) {
			EQUAL(field(line, "nid: "), 1);
			asked = field(line, "total_scan ");
		} else if (strstr(line, "mm_shrink_slab_end:")) {
			freed = field(line, "last shrinker return val ");
			if (freed > asked)
				FAIL("asked for %ld pages, freed %ld", asked, freed);
			sum += freed;
		}
	}
	fclose(file);
	return sum;
}

static void trace_shrinkers(const char *on)
{
	WORKS(write_text(TRACING "events/vmscan/mm_shrink_slab_start/enable", on));
	WORKS(write_text(TRACING "events/vmscan/mm_shrink_slab_end/enable", on));
}

int main(void)
{
	pid_t pid;

	if (access("/sys/devices/system/node/node1", F_OK))
		test_skip("this machine has one NUMA node");
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	WORKS(mkdir(CGROUPS, 0700));
	if (!kernel_charges_pages() || mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) ||
	    write_text(CGROUPS "/cgroup.subtree_control", "+memory"))
		test_skip("this kernel charges no chunks to memory cgroups");
	WORKS(mkdir(GROUP, 0700));
	COMES_TO_USE(0);
	comes_to_rest(0);
	WORKS(write_text(TIME, "3600000"));
	pid = spawn(dies_knowing, NULL);
	EQUAL(waitpid(pid, NULL, 0), pid);
	comes_to_rest(SLOTS);
	close(WORKS(open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC)));
	trace_shrinkers("1");
	/* Lowering the limit makes the kernel reclaim what the group has beyond it. */
	WORKS(write_text(GROUP "/memory.high", "100M"));
	trace_shrinkers("0");
	CHECK(read_number(RESTING) < SLOTS);
	EQUAL(freed_as_asked(), (SLOTS - read_number(RESTING)) * CHUNK_PAGES);
	WORKS(rmdir(GROUP));
	WORKS(umount(CGROUPS));
	WORKS(rmdir(CGROUPS));
	/* Unloading the driver ends what rests. */
	WORKS(unload_module());
	WORKS(load_module());
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * A process whose cpuset allows a single NUMA node gets chunks of that node only, from every
 * source, and cannot request another node (Faults C14).
 */
#include "guest.h"

#include <sys/mount.h>
#include <sys/stat.h>

#define CGROUPS "/tmp/cgroup-cpuset"
#define GROUP CGROUPS "/pinned-cpuset"
#define RESERVE_OF_1 "/sys/class/misc/pinned_mem/node1/reserve_chunks"

static int take(int fd, unsigned long slot, int node, unsigned int source)
{
	struct pinned_mem_populate request = populate_request(slot, 1);

	request.node = node;
	request.sources = source;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static void enter(void)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	WORKS(write_text(GROUP "/cgroup.procs", pid));
}

static void on_node_0(void *arg)
{
	struct pinned_mem_query found;
	struct pinned_mem_info before;
	int fd;

	(void)arg;
	enter();
	fd = open_pool();
	before = info_of(fd);
	REFUSED(take(fd, 0, 1, 0), EINVAL);
	REFUSED(take(fd, 0, PINNED_MEM_NODE_ANY, PINNED_MEM_SOURCE_RESERVE), ENOMEM);
	UNCHANGED(fd, before);
	WORKS(take(fd, 0, 0, 0));
	for (unsigned long slot = 1; slot < 50; slot++) {
		WORKS(take(fd, slot, PINNED_MEM_NODE_ANY, 0));
		WORKS(query(fd, slot * CHUNK, &found));
		EQUAL(found.node, 0);
	}
}

int main(void)
{
	int fd = open_pool();

	if (access("/sys/devices/system/node/node1", F_OK))
		test_skip("this machine has one NUMA node");
	WORKS(mkdir(CGROUPS, 0700));
	if (mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) ||
	    write_text(CGROUPS "/cgroup.subtree_control", "+cpuset"))
		test_skip("this kernel has no cpusets");
	WORKS(mkdir(GROUP, 0700));
	WORKS(write_text(GROUP "/cpuset.mems", "0"));
	WORKS(write_text(RESERVE_OF_1, "4"));
	ENDED_WELL(spawn(on_node_0, NULL));
	/* Outside the cpuset the other node's reserve is available. */
	WORKS(take(fd, 0, 1, PINNED_MEM_SOURCE_RESERVE));
	WORKS(punch(fd, 0, 1));
	WORKS(write_text(RESERVE_OF_1, "0"));
	return 0;
}

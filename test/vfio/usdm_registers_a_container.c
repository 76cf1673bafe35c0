// SPDX-License-Identifier: MIT
/*
 * Protects users of USDM's names behind an IOMMU: after qaeRegisterDevice() a user's device reaches
 * what qaeMemAllocNUMA() returned before and afterwards at the addresses that qaeVirtToPhysNUMA()
 * returns, and qaePhysToVirtNUMA() is the inverse. Registrations are counted, a second container is
 * refused, and after the last qaeUnregisterDevice(), and in a forked child, there are no addresses.
 */
#include "user.h"

#include "qae_mem.h"

static void move(struct edu *edu, char *from, char *to, size_t len)
{
	uint64_t source = qaeVirtToPhysNUMA(from), target = qaeVirtToPhysNUMA(to);

	CHECK(source && target && source != target);
	CHECK(qaePhysToVirtNUMA(source) == from &&
	      qaePhysToVirtNUMA(target + len - 1) == to + len - 1);
	fill(from, len, source);
	memset(to, 0, len);
	WORKS(edu_read_memory(edu, source, len));
	WORKS(edu_write_memory(edu, target, len));
	FILLED(to, len, source);
}

static void in_a_child(char *object)
{
	void *own;
	pid_t pid = fork();
	int status;

	if (pid) {
		EQUAL(waitpid(pid, &status, 0), pid);
		EQUAL(status, 0);
		return;
	}
	own = qaeMemAllocNUMA(100, NUMA_ANY_NODE, 64);
	CHECK(own && !qaeVirtToPhysNUMA(object) && !qaeVirtToPhysNUMA(own));
	REFUSED(qaeUnregisterDevice(0), EINVAL);
	_exit(0);
}

static void as_user(void *arg)
{
	struct edu *edu;
	void *before, *after, *large;
	uint64_t address;
	int container;

	(void)arg;
	become_user();
	WORKS(qaeMemInit());
	before = qaeMemAllocNUMA(EDU_TRANSFER_MAX, NUMA_ANY_NODE, 64);
	CHECK(before && !qaeVirtToPhysNUMA(before));
	edu = edu_open();
	CHECK(edu);
	container = edu_container(edu);
	EQUAL(qaeRegisterDevice(container), 0);
	EQUAL(qaeRegisterDevice(container), 0);
	REFUSED(qaeRegisterDevice(container + 1000), EBUSY);
	after = qaeMemAllocNUMA(100000, NUMA_ANY_NODE, 4096);
	large = qaeMemAllocNUMA(3 << 20, NUMA_ANY_NODE, 64);
	CHECK(after && large);
	move(edu, before, after, EDU_TRANSFER_MAX);
	move(edu, (char *)large + (2 << 20) - 100, before, 4000);
	in_a_child(before);
	EQUAL(qaeUnregisterDevice(container), 0);
	move(edu, after, before, 1000);
	address = qaeVirtToPhysNUMA(before);
	EQUAL(qaeUnregisterDevice(container), 0);
	REFUSED(qaeUnregisterDevice(container), EINVAL);
	CHECK(!qaeVirtToPhysNUMA(before) && !qaePhysToVirtNUMA(address));
	qaeMemFreeNUMA(&before);
	qaeMemFreeNUMA(&after);
	qaeMemFreeNUMA(&large);
	qaeMemDestroy();
	edu_close(edu);
}

int main(void)
{
	give_edu();
	ENDED_WELL(spawn(as_user, NULL));
	return 0;
}

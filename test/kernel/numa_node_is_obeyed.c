// SPDX-License-Identifier: MIT
/*
 * POPULATE takes memory from the requested node, QUERY reports the node, and a nonexistent node is
 * refused (Faults A29).
 */
#include "guest.h"

static bool is_online(int node)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", node);
	return !access(path, F_OK);
}

static int populate_from(int fd, unsigned long slot, int node)
{
	struct pinned_mem_populate request = populate_request(slot, 1);

	request.node = node;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static void from_node(int fd, int node)
{
	struct pinned_mem_info before = info_of(fd);
	struct pinned_mem_query found;

	if (!is_online(node)) {
		REFUSED(populate_from(fd, 0, node), EINVAL);
		UNCHANGED(fd, before);
		return;
	}
	WORKS(populate_from(fd, 0, node));
	WORKS(query(fd, 0, &found));
	EQUAL(found.node, node);
	WORKS(punch(fd, 0, 1));
}

int main(void)
{
	int fd = open_pool();
	int node;

	CHECK(is_online(0));
	for (node = 0; node < 2048; node++)
		from_node(fd, node);
	for (node = 11; node < 31; node++)
		from_node(fd, (1 << node) + 1);
	WORKS(populate_from(fd, 0, PINNED_MEM_NODE_ANY));
	return 0;
}

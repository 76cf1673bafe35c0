// SPDX-License-Identifier: MIT
/*
 * SYNC accepts every range of filled slots, in every memory type and direction, changes no byte,
 * and refuses senseless requests (Faults A35, A37).
 */
#include "guest.h"

#define SLOTS 3UL
#define FOR_DEVICE PINNED_MEM_SYNC_FOR_DEVICE
#define FOR_CPU PINNED_MEM_SYNC_FOR_CPU

static int sync_range(int fd, uint64_t offset, uint64_t length, uint32_t flags)
{
	struct pinned_mem_sync request = {
		.size = sizeof(request),
		.flags = flags,
		.offset = offset,
		.length = length,
	};

	return ioctl(fd, PINNED_MEM_IOC_SYNC, &request);
}

static void bad_input(int fd)
{
	const uint64_t end = info_of(fd).pool_size;

	REFUSED(sync_range(fd, 0, CHUNK, 0), EINVAL);
	REFUSED(sync_range(fd, 0, CHUNK, PINNED_MEM_SYNC_DEVICE_READS), EINVAL);
	REFUSED(sync_range(fd, 0, CHUNK, 16 | FOR_CPU), EINVAL);
	REFUSED(sync_range(fd, 0, 0, FOR_CPU), EINVAL);
	REFUSED(sync_range(fd, end, 1, FOR_CPU), EINVAL);
	REFUSED(sync_range(fd, end - 1, 2, FOR_CPU), EINVAL);
	REFUSED(sync_range(fd, 1, UINT64_MAX, FOR_CPU), EINVAL);
	REFUSED(sync_range(fd, UINT64_MAX, 1, FOR_CPU), EINVAL);
	REFUSED(sync_range(fd, 0, SLOTS * CHUNK + 1, FOR_CPU), ENOENT);
	REFUSED(sync_range(fd, end - 1, 1, FOR_CPU), ENOENT);
}

static void foreign(void *arg)
{
	REFUSED(sync_range(*(int *)arg, 0, CHUNK, FOR_CPU), EPERM);
}

static void of_type(uint32_t type)
{
	const uint64_t lengths[] = { 1, 64, PAGE, CHUNK - 1, CHUNK, CHUNK + 2 };
	struct pinned_mem_populate request = populate_request(0, SLOTS);
	int fd = open_pool();
	unsigned int i;
	uint32_t flags;
	char *at;

	request.memory_type = type;
	WORKS(ioctl(fd, PINNED_MEM_IOC_POPULATE, &request));
	at = map_slots(fd, 0, SLOTS);
	fill(at, SLOTS * CHUNK, type);
	for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		for (flags = 1; flags < 16; flags++)
			if (flags & (FOR_DEVICE | FOR_CPU))
				WORKS(sync_range(fd, CHUNK - 1, lengths[i], flags));
	FILLED(at, SLOTS * CHUNK, type);
	bad_input(fd);
	ENDED_WELL(spawn(foreign, &fd));
	FILLED(at, SLOTS * CHUNK, type);
	close(fd);
	WORKS(munmap(at, SLOTS * CHUNK));
}

int main(void)
{
	for (uint32_t type = 0; type <= PINNED_MEM_TYPE_CACHED; type++)
		of_type(type);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Protects programs that were built against another version of the ioctl interface. Number and
 * direction identify a request; anything else gives ENOTTY. Each structure is accepted as release
 * 0.1.0 had it, and longer if the rest is 0; a shorter one gives EINVAL, a rest that is not 0 gives
 * E2BIG (Faults E16). An argument that cannot be read or written gives EFAULT. Whatever is refused
 * changes nothing (Faults A32, A34).
 */
#include <stddef.h>

#include "guest.h"

/* The structures of release 0.1.0. They are copies, so that they stay when the interface grows. */
struct first_info {
	uint32_t size, flags, abi_version, features;
	uint64_t chunk_size, pool_size, pool_id, pool_chunks, used_chunks, limit_chunks;
	uint64_t user_chunks, user_limit_chunks, pool_limit_chunks;
	uint64_t snapshot_pages, resting_chunks, reserve_chunks;
	uint32_t snapshots, split_mappings, mappings, reserved;
};

struct first_populate {
	uint32_t size, flags;
	uint64_t offset;
	uint32_t count, memory_type;
	int32_t node;
	uint32_t sources;
	uint64_t max_phys, phys_ptr;
};

struct first_punch {
	uint32_t size, flags;
	uint64_t offset;
	uint32_t count, reserved;
};

struct first_query {
	uint32_t size, flags;
	uint64_t offset, phys, length;
	uint32_t memory_type;
	int32_t node;
	uint32_t source, reserved;
};

struct first_sync {
	uint32_t size, flags;
	uint64_t offset, length;
};

struct first_export {
	uint32_t size, flags;
	uint64_t offset;
	uint32_t count;
	int32_t fd;
};

/* The request of a caller whose structure has @bytes bytes. */
#define SIZED(request, bytes) _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), bytes)

struct first_pin {
	uint32_t size, flags;
	uint64_t address, length, extents_ptr;
	uint32_t extents_count, id;
	uint64_t notice_ptr;
};

struct first_unpin {
	uint32_t size, flags, id, reserved;
};

static const unsigned int known[] = {
	PINNED_MEM_IOC_INFO, PINNED_MEM_IOC_POPULATE, PINNED_MEM_IOC_PUNCH, PINNED_MEM_IOC_QUERY,
	PINNED_MEM_IOC_SYNC, PINNED_MEM_IOC_EXPORT,   PINNED_MEM_IOC_PIN,   PINNED_MEM_IOC_UNPIN,
};

/* Larger than any structure; holds a good POPULATE, INFO, ... by its size alone. */
union argument {
	struct pinned_mem_populate populate;
	char bytes[1 << _IOC_SIZEBITS];
};

static void refused(int fd, unsigned int request, size_t size, int error)
{
	struct pinned_mem_info before = info_of(fd);
	union argument *argument = calloc(1, sizeof(*argument));

	CHECK(argument);
	argument->populate = populate_request(0, 1);
	argument->populate.size = size;
	/* The smaller structures have no more members; what follows them is 0. */
	if (_IOC_NR(request) != _IOC_NR(PINNED_MEM_IOC_POPULATE))
		memset(argument->bytes + 16, 0, sizeof(argument->bytes) - 16);
	REFUSED(ioctl(fd, request, argument), error);
	UNCHANGED(fd, before);
	free(argument);
}

/* Sizes of the first release's structures, in the order of @known. */
static const size_t first_sizes[] = {
	sizeof(struct first_info),  sizeof(struct first_populate), sizeof(struct first_punch),
	sizeof(struct first_query), sizeof(struct first_sync),	   sizeof(struct first_export),
	sizeof(struct first_pin),   sizeof(struct first_unpin),
};

static void shorter_than_the_first(int fd, unsigned int request, size_t first)
{
	const size_t sizes[] = { 0, 4, 8, first - 8, first - 1 };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		refused(fd, SIZED(request, sizes[i]), sizes[i], EINVAL);
}

/* The structure says one size, the request another. */
static void sizes_that_disagree(int fd, unsigned int request)
{
	const size_t right = _IOC_SIZE(request);

	refused(fd, request, right - 1, EINVAL);
	refused(fd, request, right + 8, EINVAL);
	refused(fd, SIZED(request, right + 8), right, EINVAL);
}

/* The last byte of a longer structure is a member that this driver does not know. */
static void unknown_member(int fd, unsigned int request)
{
	const size_t right = _IOC_SIZE(request);
	const size_t sizes[] = { right + 1, right + 8, 4096, (1 << _IOC_SIZEBITS) - 1 };
	struct pinned_mem_info before = info_of(fd);
	union argument *argument = calloc(1, sizeof(*argument));
	size_t i;

	CHECK(argument);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		argument->populate = populate_request(0, 1);
		argument->populate.size = sizes[i];
		argument->bytes[sizes[i] - 1] = 1;
		REFUSED(ioctl(fd, SIZED(request, sizes[i]), argument), E2BIG);
		argument->bytes[sizes[i] - 1] = 0;
	}
	UNCHANGED(fd, before);
	free(argument);
}

/* What a caller of any release does with a pool: each request works, whatever the structure's size. */
struct caller {
	int fd;
	size_t more;
	union {
		struct first_info info;
		struct first_populate populate;
		struct first_punch punch;
		struct first_query query;
		struct first_sync sync;
		struct first_export export;
		struct first_pin pin;
		struct first_unpin unpin;
		unsigned char bytes[4096];
	};
};

/* Bytes beyond the structure must stay as they are. */
static void call(struct caller *caller, size_t nr)
{
	const size_t size = first_sizes[nr] + caller->more;
	size_t i;

	caller->info.size = size;
	memset(caller->bytes + first_sizes[nr], 0, caller->more);
	memset(caller->bytes + size, 0x5a, sizeof(caller->bytes) - size);
	WORKS(ioctl(caller->fd, SIZED(known[nr], size), caller->bytes));
	EQUAL(caller->info.size, size);
	for (i = first_sizes[nr]; i < sizeof(caller->bytes); i++)
		EQUAL(caller->bytes[i], i < size ? 0 : 0x5a);
}

static void populate_two(struct caller *caller)
{
	caller->populate = (struct first_populate){ .count = 2, .node = -1, .max_phys = ~0ull };
	call(caller, 1);
	memset(caller->bytes, 0, sizeof(caller->bytes));
	call(caller, 0);
	EQUAL(caller->info.pool_chunks, 2);
	EQUAL(caller->info.chunk_size, CHUNK);
}

static void use_two(struct caller *caller)
{
	caller->query = (struct first_query){ .offset = CHUNK + 5 };
	call(caller, 3);
	EQUAL(caller->query.length, CHUNK - 5);
	CHECK(caller->query.phys);
	caller->sync = (struct first_sync){ .flags = PINNED_MEM_SYNC_FOR_CPU, .length = 2 * CHUNK };
	call(caller, 4);
	caller->export = (struct first_export){ .count = 2 };
	call(caller, 5);
	WORKS(close(caller->export.fd));
}

static void punch_two(struct caller *caller)
{
	caller->punch = (struct first_punch){ .count = 2 };
	call(caller, 2);
	EQUAL(info_of(caller->fd).pool_chunks, 0);
}

static void pin_and_unpin(struct caller *caller)
{
	uint32_t notice = 1, id;

	if (!(info_of(caller->fd).features & PINNED_MEM_FEATURE_PIN))
		return;
	caller->pin = (struct first_pin){
		.address = (uintptr_t)&notice,
		.length = sizeof(notice),
		.notice_ptr = (uintptr_t)&notice,
	};
	call(caller, 6);
	id = caller->pin.id;
	CHECK(id);
	caller->unpin = (struct first_unpin){ .id = id };
	call(caller, 7);
	EQUAL(notice, 1);
}

static void every_request_works(size_t more)
{
	struct caller caller = { .fd = open_pool(), .more = more };

	populate_two(&caller);
	use_two(&caller);
	punch_two(&caller);
	pin_and_unpin(&caller);
	close(caller.fd);
}

static void other_directions(int fd, unsigned int request)
{
	unsigned int direction;

	for (direction = 0; direction < 4; direction++)
		if (direction != _IOC_DIR(request))
			refused(fd,
				_IOC(direction, _IOC_TYPE(request), _IOC_NR(request),
				     _IOC_SIZE(request)),
				_IOC_SIZE(request), ENOTTY);
}

static void unknown_requests(int fd)
{
	unsigned int nr;

	for (nr = sizeof(known) / sizeof(*known); nr < 256; nr++)
		refused(fd, _IOWR(PINNED_MEM_IOC_MAGIC, nr, struct pinned_mem_info),
			sizeof(struct pinned_mem_info), ENOTTY);
	refused(fd, _IOWR(PINNED_MEM_IOC_MAGIC ^ 1, 0, struct pinned_mem_info),
		sizeof(struct pinned_mem_info), ENOTTY);
	/* Terminal requests, which programs try on any descriptor. */
	refused(fd, 0x5401, 0, ENOTTY);
	refused(fd, 0x5413, 0, ENOTTY);
	refused(fd, ~0U, 0, ENOTTY);
}

static void unreadable_arguments(int fd, unsigned int request)
{
	struct pinned_mem_info before = info_of(fd);
	char *pages = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *cut = pages + PAGE - 8;

	WORKS(munmap(pages + PAGE, PAGE));
	*(uint32_t *)cut = _IOC_SIZE(request);
	REFUSED(ioctl(fd, request, NULL), EFAULT);
	REFUSED(ioctl(fd, request, 1), EFAULT);
	REFUSED(ioctl(fd, request, cut), EFAULT);
	REFUSED(ioctl(fd, request, 0xffff888000000000UL), EFAULT);
	REFUSED(ioctl(fd, request, -64L), EFAULT);
	UNCHANGED(fd, before);
}

static void read_only_argument(int fd)
{
	struct pinned_mem_info *info = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	info->size = sizeof(*info);
	WORKS(mprotect(info, PAGE, PROT_READ));
	REFUSED(ioctl(fd, PINNED_MEM_IOC_INFO, info), EFAULT);
	EQUAL(info->chunk_size, 0);
}

int main(void)
{
	int fd = open_pool();
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		shorter_than_the_first(fd, known[i], first_sizes[i]);
		sizes_that_disagree(fd, known[i]);
		unknown_member(fd, known[i]);
		other_directions(fd, known[i]);
		unreadable_arguments(fd, known[i]);
	}
	/* The first release, later ones by a member and by a byte, and one by very much. */
	every_request_works(0);
	every_request_works(8);
	every_request_works(1);
	every_request_works(3000);
	unknown_requests(fd);
	read_only_argument(fd);
	return 0;
}

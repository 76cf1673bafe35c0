// SPDX-License-Identifier: MIT
/*
 * A request is known by number and direction; one of another size gives EINVAL,
 * so that a later library can tell an older driver from a missing request, and
 * everything else ENOTTY. An argument that cannot be read or written gives
 * EFAULT, and nothing has changed (Faults A32, A34).
 */
#include "guest.h"

static const unsigned int known[] = {
	PINNED_MEM_IOC_INFO,  PINNED_MEM_IOC_POPULATE, PINNED_MEM_IOC_PUNCH,
	PINNED_MEM_IOC_QUERY, PINNED_MEM_IOC_SYNC,     PINNED_MEM_IOC_EXPORT,
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
	REFUSED(ioctl(fd, request, argument), error);
	UNCHANGED(fd, before);
	free(argument);
}

static void other_sizes(int fd, unsigned int request)
{
	const size_t right = _IOC_SIZE(request);
	const size_t sizes[] = { 0,	    4,	       8,
				 right - 8, right - 1, right + 1,
				 right + 8, 4096,      (1 << _IOC_SIZEBITS) - 1 };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		refused(fd, _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), sizes[i]),
			sizes[i], EINVAL);
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
		other_sizes(fd, known[i]);
		other_directions(fd, known[i]);
		unreadable_arguments(fd, known[i]);
	}
	unknown_requests(fd);
	read_only_argument(fd);
	return 0;
}

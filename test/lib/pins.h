/* SPDX-License-Identifier: MIT */
/* Shared by the tests of PIN and UNPIN. */
#ifndef PINS_H
#define PINS_H

#include "guest.h"

#define EXTENTS_MAX 1024

/**
 * struct pin - a pin, or what a request for one needs
 * @notice: the notice; the lower bits count the uses
 * @count: number of entries in @extents on input, of extents of the range on output
 */
struct pin {
	uint32_t id;
	uint32_t notice;
	uint32_t count;
	struct pinned_mem_extent extents[EXTENTS_MAX];
};

static inline struct pinned_mem_pin pin_request(const void *at, size_t length, struct pin *pin)
{
	return (struct pinned_mem_pin){
		.size = sizeof(struct pinned_mem_pin),
		.address = (uintptr_t)at,
		.length = length,
		.extents_ptr = (uintptr_t)pin->extents,
		.extents_count = EXTENTS_MAX,
		.notice_ptr = (uintptr_t)&pin->notice,
	};
}

/* Pins memory. Return: what ioctl() returns. */
static inline int pin_memory(int fd, const void *at, size_t length, struct pin *pin)
{
	struct pinned_mem_pin request = pin_request(at, length, pin);
	int result = ioctl(fd, PINNED_MEM_IOC_PIN, &request);

	pin->id = request.id;
	pin->count = request.extents_count;
	return result;
}

static inline int unpin(int fd, uint32_t id)
{
	struct pinned_mem_unpin request = { .size = sizeof(request), .id = id };

	return ioctl(fd, PINNED_MEM_IOC_UNPIN, &request);
}

static inline bool is_gone(const struct pin *pin)
{
	return __atomic_load_n(&pin->notice, __ATOMIC_ACQUIRE) & PINNED_MEM_PIN_GONE;
}

/* Returns how many pages are charged for the pins of the pool. */
static inline unsigned long pinned_pages(int fd)
{
	const char field[] = "pinned_mem_pinned_pages:";
	char path[64], line[128];
	unsigned long pages = ~0UL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, field, strlen(field)))
			pages = strtoul(line + strlen(field), NULL, 10);
	fclose(file);
	return pages;
}

/* Waits until @pages pages are charged: the driver may end a pin in a work queue. */
static inline void comes_to_pages(int fd, unsigned long pages)
{
	for (int i = 0; i < 20000 && pinned_pages(fd) != pages; i++)
		usleep(1000);
	EQUAL(pinned_pages(fd), pages);
}

/* Checks that the extents describe the memory, page by page, as /proc/self/pagemap does. */
static inline void extents_are_true(const char *at, size_t length, const struct pin *pin)
{
	const char *end = at + length;

	CHECK(pin->count >= 1 && pin->count <= EXTENTS_MAX);
	for (uint32_t i = 0; i < pin->count; i++) {
		const struct pinned_mem_extent *extent = &pin->extents[i];

		CHECK(extent->length && extent->length <= (size_t)(end - at));
		for (uint64_t done = 0; done < extent->length;) {
			size_t piece = PAGE - (uintptr_t)(at + done) % PAGE;

			EQUAL(extent->phys + done, phys_of(at + done));
			done += piece;
		}
		at += extent->length;
		/* Neighbours are merged. */
		if (i)
			CHECK(pin->extents[i - 1].phys + pin->extents[i - 1].length !=
			      extent->phys);
	}
	CHECK(at == end);
}

/* Returns new private memory, written to. */
static inline char *new_memory(size_t length)
{
	char *at = mmap(NULL, length, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	WORKS(madvise(at, length, MADV_NOHUGEPAGE));
	memset(at, 1, length);
	return at;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * A fake VFIO whose containers are tables. A test that includes this file wraps the library's
 * system calls by its line "Wraps:" (see test/check.mk), so that the library's requests arrive
 * here. The fake refuses what VFIO refuses. It also checks that pinned_dma_addr() stops answering
 * before a mapping is removed, and that no memory is mapped or unmapped while a container still
 * maps it.
 */
#ifndef TEST_IOMMU_H
#define TEST_IOMMU_H

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#include "arena/arena.h"
#include "os/sys.h"
#include "pinned.h"
#include "suite.h"

#define MAPPINGS 4096
#define CONTAINERS 2
/* The addresses between these are reserved for message-signalled interrupts, as on a PC. */
#define HOLE_FIRST 0xfee00000ull
#define HOLE_LAST 0xfeefffffull
#define LAST 0x7fffffffffull

static struct container {
	int fd;
	bool has_no_iommu, has_no_ranges;
	size_t count, limit;
	struct pinned_device *device;
	struct {
		uint64_t address, size;
		char *memory;
	} mappings[MAPPINGS];
} containers[CONTAINERS];
static unsigned long calls, fail_at;
/* Protects the mappings, since the library holds no lock while it gives memory back. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct container *container_of(int fd)
{
	struct pn_sys_file file, known;

	ck_assert(pn_sys_identify(fd, &file));
	for (size_t i = 0; i < CONTAINERS; i++)
		if (containers[i].fd >= 0 && pn_sys_identify(containers[i].fd, &known) &&
		    known.inode == file.inode && known.device == file.device)
			return &containers[i];
	return NULL;
}

/* Opens container @i. Its fd is the program's descriptor, of which the library makes a copy. */
static struct container *open_container(size_t i)
{
	containers[i].fd = memfd_create("container", MFD_CLOEXEC);
	ck_assert_int_ge(containers[i].fd, 0);
	containers[i].limit = MAPPINGS;
	return &containers[i];
}

static int inform(const struct container *container, struct vfio_iommu_type1_info *info)
{
	struct vfio_iommu_type1_info_cap_iova_range *list = (void *)(info + 1);

	if (container->has_no_iommu)
		return EINVAL;
	ck_assert_uint_ge(info->argsz,
			  sizeof(*info) + sizeof(*list) + 2 * sizeof(list->iova_ranges[0]));
	info->flags = VFIO_IOMMU_INFO_PGSIZES;
	if (container->has_no_ranges)
		return 0;
	info->flags |= VFIO_IOMMU_INFO_CAPS;
	info->cap_offset = sizeof(*info);
	list->header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
	list->nr_iovas = 2;
	list->iova_ranges[0] = (struct vfio_iova_range){ 0, HOLE_FIRST - 1 };
	list->iova_ranges[1] = (struct vfio_iova_range){ HOLE_LAST + 1, LAST };
	return 0;
}

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static int map(struct container *container, const struct vfio_iommu_type1_dma_map *request)
{
	char *memory = (char *)(uintptr_t)request->vaddr;
	uint64_t last = request->iova + request->size - 1;

	ck_assert_uint_eq(request->flags, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	ck_assert_uint_eq(request->iova % PN_CHUNK_SIZE, (uintptr_t)memory % PN_CHUNK_SIZE);
	if (container->has_no_iommu ||
	    (!container->has_no_ranges &&
	     (last > LAST ||
	      overlaps(request->iova, request->size, HOLE_FIRST, HOLE_LAST - HOLE_FIRST + 1))))
		return EINVAL;
	for (size_t i = 0; i < container->count; i++)
		if (overlaps(request->iova, request->size, container->mappings[i].address,
			     container->mappings[i].size))
			return EEXIST;
	if (container->count == container->limit)
		return ENOSPC;
	/* The memory is mapped and writable; otherwise this crashes. */
	__atomic_fetch_or(memory, 0, __ATOMIC_RELAXED);
	__atomic_fetch_or(memory + request->size - 1, 0, __ATOMIC_RELAXED);
	container->mappings[container->count].address = request->iova;
	container->mappings[container->count].size = request->size;
	container->mappings[container->count++].memory = memory;
	return 0;
}

/* Checks that pinned_dma_addr() does not return addresses of memory that is about to go. */
static void check_not_told(const char *memory, size_t size)
{
	for (size_t i = 0; i < CONTAINERS; i++)
		for (size_t at = 0; containers[i].device && at < size; at += PN_CHUNK_SIZE)
			ck_assert_uint_eq(pinned_dma_addr(containers[i].device, memory + at),
					  PINNED_NO_DMA);
}

static int unmap(struct container *container, const struct vfio_iommu_type1_dma_unmap *request)
{
	if (container->has_no_iommu)
		return EINVAL;
	for (size_t i = container->count; i > 0; i--) {
		uint64_t address = container->mappings[i - 1].address,
			 size = container->mappings[i - 1].size;

		if (!overlaps(request->iova, request->size, address, size))
			continue;
		/* A request must not cut a mapping in two. */
		ck_assert(address >= request->iova &&
			  address + size <= request->iova + request->size);
		if (container->device)
			ck_assert_uint_eq(pinned_dma_addr(container->device,
							  container->mappings[i - 1].memory),
					  PINNED_NO_DMA);
		container->mappings[i - 1] = container->mappings[--container->count];
	}
	return 0;
}

/* System calls of the library that this file replaces. */

int __wrap_pn_sys_ioctl(int fd, unsigned long request, void *argument);
int __wrap_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);
int __real_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);
bool __wrap_pn_sys_unmap(void *addr, size_t size);
bool __real_pn_sys_unmap(void *addr, size_t size);
int __real_pn_sys_ioctl(int fd, unsigned long request, void *argument);

int __wrap_pn_sys_ioctl(int fd, unsigned long request, void *argument)
{
	struct container *container = fcntl(fd, F_GETFD) < 0 ? NULL : container_of(fd);
	int err = ENOTTY;

	if (!container)
		return __real_pn_sys_ioctl(fd, request, argument);
	/*
	 * Atomic, because the library asks for a container's properties without the arena's lock.
	 */
	if (__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) == fail_at)
		return ENOMEM;
	switch (request) {
	case VFIO_GET_API_VERSION:
		return 0;
	case VFIO_IOMMU_GET_INFO:
		return inform(container, argument);
	}
	pthread_mutex_lock(&mutex);
	if (request == VFIO_IOMMU_MAP_DMA)
		err = map(container, argument);
	else if (request == VFIO_IOMMU_UNMAP_DMA)
		err = unmap(container, argument);
	pthread_mutex_unlock(&mutex);
	return err;
}

/* Checks that no container maps any part of [@addr, @addr + @size). */
static void check_not_mapped(const void *addr, size_t size)
{
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < CONTAINERS; i++)
		for (size_t j = 0; j < containers[i].count; j++)
			ck_assert(!overlaps((uintptr_t)addr, size,
					    (uintptr_t)containers[i].mappings[j].memory,
					    containers[i].mappings[j].size));
	pthread_mutex_unlock(&mutex);
	check_not_told(addr, size);
}

int __wrap_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset)
{
	check_not_mapped(addr, size);
	return __real_pn_sys_map(addr, size, flags, fd, offset);
}

bool __wrap_pn_sys_unmap(void *addr, size_t size)
{
	check_not_mapped(addr, size);
	return __real_pn_sys_unmap(addr, size);
}

#endif /* TEST_IOMMU_H */

// SPDX-License-Identifier: MIT
/*
 * VFIO's type 1 interface. VFIO pins pages for writing and for a long time, which works only for
 * ordinary mapped memory; the chunks of every backend are such memory.
 */
#include "backend/vfio.h"

#include <errno.h>
#include <linux/vfio.h>

#include "os/sys.h"

/* The answer, with room for its list of I/O address ranges; a machine has only a few of them. */
union answer {
	struct vfio_iommu_type1_info info;
	unsigned char bytes[4096];
};

/* Asks VFIO for the properties of the IOMMU. Return: 0 or an errno. */
static int ask(int fd, union answer *answer)
{
	*answer = (union answer){ .info.argsz = sizeof(*answer) };
	return pn_sys_ioctl(fd, VFIO_IOMMU_GET_INFO, answer);
}

/*
 * Returns the list of ranges. A kernel before 5.4 has none: then returns NULL; any address may do.
 */
static const struct vfio_iommu_type1_info_cap_iova_range *find_ranges(const union answer *answer)
{
	uint32_t at = answer->info.flags & VFIO_IOMMU_INFO_CAPS ? answer->info.cap_offset : 0;

	while (at && at <= sizeof(*answer) - sizeof(struct vfio_iommu_type1_info_cap_iova_range)) {
		const void *place = answer->bytes + at;
		const struct vfio_info_cap_header *header = place;

		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			return place;
		at = header->next > at ? header->next : 0;
	}
	return NULL;
}

/* Reduces @range to its whole chunks inside @allowed. Return: false if there are none. */
static bool clip(struct pn_vfio_range *range, const struct vfio_iova_range *allowed)
{
	uint64_t first = range->first > allowed->start ? range->first : allowed->start;
	uint64_t last = range->last < allowed->end ? range->last : allowed->end;

	if (first > UINT64_MAX - PN_CHUNK_MASK)
		return false;
	range->first = (first + PN_CHUNK_MASK) & ~(uint64_t)PN_CHUNK_MASK;
	if (last < PN_CHUNK_MASK || last - PN_CHUNK_MASK < range->first)
		return false;
	range->last = ((last - PN_CHUNK_MASK) | PN_CHUNK_MASK);
	return true;
}

static bool choose(const union answer *answer, struct pn_vfio_range *range)
{
	static const struct vfio_iova_range any = { 0, UINT64_MAX };
	const struct vfio_iommu_type1_info_cap_iova_range *ranges = find_ranges(answer);
	const struct vfio_iova_range *allowed = ranges ? ranges->iova_ranges : &any;
	size_t count = ranges ? ranges->nr_iovas : 1;
	struct pn_vfio_range best = { 0, 0 };

	for (size_t i = 0;
	     i < count && (const void *)(allowed + i + 1) <= (const void *)(answer + 1); i++) {
		struct pn_vfio_range part = *range;

		if (clip(&part, allowed + i) && part.last - part.first > best.last - best.first)
			best = part;
	}
	*range = best;
	return best.last;
}

int pn_vfio_find_range(int fd, struct pn_vfio_range *range)
{
	union answer answer;
	int err = pn_sys_ioctl(fd, VFIO_GET_API_VERSION, NULL);

	if (err)
		return err == EBADF ? EBADF : ENOTTY;
	err = ask(fd, &answer);
	if (err)
		return err;
	return choose(&answer, range) ? 0 : ENOSPC;
}

bool pn_vfio_is_there(int fd)
{
	union answer answer;

	return !ask(fd, &answer);
}

int pn_vfio_map(int fd, const void *memory, uint64_t address, size_t size)
{
	struct vfio_iommu_type1_dma_map request = {
		.argsz = sizeof(request),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = address,
		.size = size,
	};
	int err = pn_sys_ioctl(fd, VFIO_IOMMU_MAP_DMA, &request);

	return err == EEXIST ? EBUSY : err;
}

int pn_vfio_unmap(int fd, uint64_t address, size_t size)
{
	struct vfio_iommu_type1_dma_unmap request = {
		.argsz = sizeof(request),
		.iova = address,
		.size = size,
	};

	return pn_sys_ioctl(fd, VFIO_IOMMU_UNMAP_DMA, &request);
}

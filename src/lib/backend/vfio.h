/* SPDX-License-Identifier: MIT */
/*
 * Maps this process's memory for the devices of a VFIO container, or of an iommufd that emulates
 * one. The functions only make the requests; devices.c keeps account of which chunks are mapped.
 */
#ifndef PN_VFIO_H
#define PN_VFIO_H

#include "os/base.h"

/* A range of I/O addresses; @last belongs to the range. */
struct pn_vfio_range {
	uint64_t first;
	uint64_t last;
};

/*
 * Reduces @range to the largest range of whole chunks inside it that the IOMMU supports. Return: 0;
 * EBADF, @fd is no descriptor; ENOTTY, @fd is no container; ENOSPC, there is no such range; or
 * VFIO's errno, which is EINVAL for a container without an IOMMU.
 */
int pn_vfio_find_range(int fd, struct pn_vfio_range *range);

/* Returns true if the container still has an IOMMU. */
bool pn_vfio_is_there(int fd);

/*
 * Maps memory for devices to read and write. Return: 0; EBUSY, something is mapped at these I/O
 * addresses; or VFIO's errno.
 */
int pn_vfio_map(int fd, const void *memory, uint64_t address, size_t size);
/* Unmaps whole mappings. Return: 0 or an errno. */
int pn_vfio_unmap(int fd, uint64_t address, size_t size);

#endif /* PN_VFIO_H */

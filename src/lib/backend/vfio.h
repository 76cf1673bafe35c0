/* SPDX-License-Identifier: MIT */
/*
 * Mappings of this process's memory for the devices of a VFIO container, or of an
 * iommufd that stands in for one. Each function makes the requests and no more: which chunks are mapped is
 * for devices.c to know.
 */
#ifndef PN_VFIO_H
#define PN_VFIO_H

#include "os/base.h"

/* I/O addresses, both included. */
struct pn_vfio_range {
	uint64_t first;
	uint64_t last;
};

/*
 * The largest range of whole chunks inside @range that the IOMMU can do, in @range. Return: 0; EBADF,
 * no descriptor; ENOTTY, no container; ENOSPC, no such range; else what VFIO says, EINVAL for a
 * container without an IOMMU.
 */
int pn_vfio_find_range(int fd, struct pn_vfio_range *range);

/* Does the container still have an IOMMU? */
bool pn_vfio_is_there(int fd);

/* A mapping to read and to write. Return: 0; EBUSY, something is mapped there; else what VFIO says. */
int pn_vfio_map(int fd, const void *memory, uint64_t address, size_t size);
/* Whole mappings. Return: 0 or an errno. */
int pn_vfio_unmap(int fd, uint64_t address, size_t size);

#endif /* PN_VFIO_H */

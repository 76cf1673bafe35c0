/* SPDX-License-Identifier: MIT */
/*
 * Devices behind an IOMMU that this process has attached. An attached device can access every chunk
 * of every heap; the I/O address of a byte is its arena offset plus a constant. One bit for each
 * slot says that the slot is mapped for the device. A chunk is mapped before it is used. When a
 * chunk is given back, first its bit is cleared, then the chunk is unmapped, and then its memory is
 * given back.
 *
 * Bits change under the arena's lock, and are read without the lock. The kernel wipes them in a
 * forked child, which has no devices.
 */
#ifndef PN_DEVICES_H
#define PN_DEVICES_H

#include "arena/arena.h"
#include "backend/backend.h"
#include "backend/vfio.h"
#include "os/fdguard.h"
#include "pinned.h"

enum pn_device_state {
	PN_DEVICE_UNUSED,
	PN_DEVICE_ATTACHED,
	PN_DEVICE_LOST,	   /* the library can no longer use its container */
	PN_DEVICE_PARENTS, /* attached by the parent process */
};

/**
 * struct pn_device - a VFIO container with its devices
 * @base: I/O address of the arena's first byte
 * @size: how many bytes of the arena, from the first byte on, have an I/O address
 * @mapped: a bit for each slot, set if the slot is mapped for the devices
 * @state: whether the record is in use, and for what
 * @fd: descriptor of the container
 * @next: next in the list of attached or of unused records
 */
struct pn_device {
	uint64_t base;
	size_t size;
	uint64_t *mapped;
	enum pn_device_state state;
	struct pn_fd fd;
	struct pn_device *next;
};

/* Returns the I/O address of @ptr, or PINNED_NO_DMA. Takes no lock. */
static inline uint64_t pn_dma_addr(const struct pn_device *device, const void *ptr)
{
	size_t offset = pn_arena_offset(ptr), slot = offset >> PN_CHUNK_SHIFT;
	uint64_t bits;

	if (pn_unlikely(offset >= device->size))
		return PINNED_NO_DMA;
	bits = __atomic_load_n(&device->mapped[slot / 64], __ATOMIC_ACQUIRE);
	if (pn_unlikely(!(bits >> (slot % 64) & 1)))
		return PINNED_NO_DMA;
	return device->base + offset;
}

/*
 * Attaches the container @fd, and maps all memory of this process for it, at I/O addresses inside
 * @wanted. Takes the arena's lock. Return: 0, or an errno with nothing changed.
 */
int pn_devices_attach(int fd, const struct pn_vfio_range *wanted, struct pn_device **device);
/*
 * Detaches a device. Takes the arena's lock. Return: 0; ENODEV, the device was lost before, and is
 * detached now; EINVAL, the device is not attached.
 */
int pn_devices_detach(struct pn_device *device);

/*
 * Maps chunks that a pool has just populated for all attached devices. Return: 0, or ENOBUFS with
 * none of the chunks mapped.
 */
int pn_devices_map_new_locked(size_t first, size_t count);
/* Unmaps chunks, which are about to be given back, for all attached devices. */
void pn_devices_unmap_locked(size_t first, size_t count);

/*
 * Maps chunks again that could not be given back. A device for which that fails is lost, because an
 * attached device must have all memory mapped.
 */
void pn_devices_map_again_locked(size_t first, size_t count);

/* In a forked child: marks all attached devices as the parent's. */
void pn_devices_in_child(void);

#endif /* PN_DEVICES_H */

/* SPDX-License-Identifier: MIT */
/*
 * Devices behind an IOMMU that this process has attached. An attached device
 * reaches every chunk of every heap at the chunk's place in the arena plus a
 * constant; a bit for each slot says that it is mapped. A chunk is mapped before it
 * can hold anything, and its bit is cleared before it is unmapped, and only then is it given back.
 *
 * Bits change under the arena's lock, and are read without. The kernel wipes them in a
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
	PN_DEVICE_LOST,	   /* its container is not ours any more */
	PN_DEVICE_PARENTS, /* of who forked this process */
};

/**
 * struct pn_device - a container of devices
 * @base: I/O address of the arena's first byte
 * @size: bytes of the arena, from the first on, that have an I/O address
 * @mapped: a bit for each slot that the device reaches
 * @state: what it is
 * @fd: the container
 * @next: the next one that is attached, or unused
 */
struct pn_device {
	uint64_t base;
	size_t size;
	uint64_t *mapped;
	enum pn_device_state state;
	struct pn_fd fd;
	struct pn_device *next;
};

/* Subtract, look at a bit, add. */
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

/* Return: 0 with all memory of this process mapped; else an errno, and nothing has changed. */
int pn_devices_attach(int fd, const struct pn_vfio_range *wanted, struct pn_device **device);
/* Return: 0; ENODEV, it was lost, and is detached; EINVAL, it is not attached. */
int pn_devices_detach(struct pn_device *device);

/*
 * Maps chunks that a pool has just populated for all attached devices, or has the pool take them back.
 * Return: 0; ENOMEM; PN_BACKEND_LOST if the pool keeps them, which nobody could ever use then.
 */
int pn_devices_admit_locked(struct pn_pool *pool, size_t first, size_t count);
/* Chunks are about to go. */
void pn_devices_unmap_locked(size_t first, size_t count);

/* They stay after all. A device that cannot have them again is lost: it has all memory, or none. */
void pn_devices_keep_locked(size_t first, size_t count);

/* In a forked child: none is its own. */
void pn_devices_in_child(void);

#endif /* PN_DEVICES_H */

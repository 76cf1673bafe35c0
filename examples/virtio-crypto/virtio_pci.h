/* SPDX-License-Identifier: MIT */
/*
 * A modern virtio device on PCI, from user space: found in sysfs, its BAR mapped, its features
 * negotiated, its queues told where they lie (virtio 1.2, section 4.1). One process at a time has
 * a device; a forked child has not: see virtio_pci_open().
 *
 * A device that is bound to vfio-pci is reached by VFIO, without root: then this process's pinned
 * memory is attached to it, and what it is told are I/O addresses; else they are physical ones.
 *
 * Functions that return int return 0, or -1 with errno and a line in why().
 */
#ifndef VIRTIO_PCI_H
#define VIRTIO_PCI_H

#include <linux/virtio_pci.h>
#include <pinned.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio.h"

#define VIRTIO_PCI_BARS 6

struct virtio_pci {
	char name[32]; /* as in /sys/bus/pci/devices */
	int lock;      /* a descriptor whose flock makes the device ours; -1 by VFIO */
	struct vfio_device vfio;
	struct pinned_device *device; /* by VFIO */
	uint8_t *bars[VIRTIO_PCI_BARS];
	size_t bar_lens[VIRTIO_PCI_BARS];
	volatile struct virtio_pci_common_cfg *common;
	uint8_t *notify;
	uint32_t notify_len;
	uint32_t notify_multiplier;
	volatile uint8_t *config; /* the device type's own */
	uint32_t config_len;
};

/*
 * Takes the first device of virtio type @type that no kernel driver and no other process has, resets
 * it and lets it master the bus. A child of fork has neither the mapping nor the lock.
 *
 * ENODEV: there is none; EBUSY: others have them all; EACCES and others: what sysfs said.
 */
int virtio_pci_open(struct virtio_pci *pci, unsigned int type);
/* Resets the device, so that it touches no memory any more, and gives it back. */
void virtio_pci_close(struct virtio_pci *pci);

/* How many forks lie between the process that first opened a device and this one. */
unsigned int virtio_pci_forks(void);

/* Return when the device has forgotten its queues. ETIMEDOUT: it does not. */
int virtio_pci_reset(struct virtio_pci *pci);
/* Accepts VIRTIO_F_VERSION_1 and, of @wanted, what the device offers. ENOTSUP: it does not take that. */
int virtio_pci_negotiate(struct virtio_pci *pci, uint64_t wanted);
/* After the queues are set up. */
void virtio_pci_start(struct virtio_pci *pci);
/* False after an error of the device, and after anybody's reset. */
bool virtio_pci_is_running(const struct virtio_pci *pci);

/* What the device is to be told for memory: as pinned_v2p() and pinned_v2p_sg(), or as pinned_dma_addr() and pinned_dma_sg(). */
uint64_t virtio_pci_address(const struct virtio_pci *pci, const void *ptr);
long virtio_pci_extents(const struct virtio_pci *pci, const void *ptr, size_t len,
			struct pinned_extent *extents, size_t count);

/* Entries that queue @index has at most; 0: no such queue. */
uint16_t virtio_pci_queue_max(struct virtio_pci *pci, uint16_t index);
/* Return: the queue's doorbell, to which @index is written; NULL with errno. */
volatile uint16_t *virtio_pci_queue_setup(struct virtio_pci *pci, uint16_t index, uint16_t size,
					  uint64_t desc, uint64_t avail, uint64_t used);

#endif /* VIRTIO_PCI_H */

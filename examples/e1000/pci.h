/* SPDX-License-Identifier: MIT */
/*
 * A PCI device from user space, by sysfs or VFIO: found by its numbers, its first BAR mapped, allowed to master
 * the bus or not. One process has a device, and a process has one device; a forked child has none.
 *
 * A device that is bound to vfio-pci is reached by VFIO, without root: then this process's pinned memory is
 * attached to it, and addresses are those that the IOMMU knows.
 *
 * Functions that return int return 0, or -1 with errno and a line in why().
 */
#ifndef PCI_H
#define PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pinned.h>

#include "vfio.h"

struct pci {
	char name[32]; /* as in /sys/bus/pci/devices */
	int lock;      /* a descriptor whose flock makes the device ours; -1 by VFIO */
	struct vfio_device vfio;
	struct pinned_device *device; /* by VFIO */
	volatile uint8_t *registers;
	size_t len;
};

/*
 * Takes the first device of these numbers that no kernel driver and no other process has. It may not
 * master the bus yet. ENODEV: there is none; EBUSY: others have them all.
 */
int pci_open(struct pci *pci, unsigned int vendor, unsigned int device);
/* In a forked child this does nothing. */
void pci_close(struct pci *pci);

/* Without the master bit a device reaches no memory. */
int pci_set_master(struct pci *pci, bool is_master);

/*
 * Where the device finds pinned memory: as pinned_v2p_sg(), or by VFIO pinned_dma_sg(). Return: how many extents
 * there are; -1 with errno.
 */
long pci_extents(const struct pci *pci, const void *memory, size_t len,
		 struct pinned_extent *extents, size_t count);

/* Is this process a fork of the one that opened the device? */
bool pci_is_forked(void);

#endif /* PCI_H */

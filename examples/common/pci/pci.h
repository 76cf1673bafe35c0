/* SPDX-License-Identifier: MIT */
/*
 * A PCI device from user space, by sysfs or VFIO: found by its numbers, its BARs mapped, allowed to master
 * the bus or not. One process at a time has a device; a forked child has none of its parent's.
 *
 * A device that is bound to vfio-pci is reached by VFIO, without root: then this process's pinned memory is
 * attached to it, and it is told addresses that the IOMMU knows; else physical ones.
 *
 * Functions that return int return 0, or -1 with errno and a line in why(). Devices are opened and closed by any
 * thread; each of them is used by one thread at a time.
 */
#ifndef EXAMPLES_PCI_H
#define EXAMPLES_PCI_H

#include <pinned.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../vfio/vfio.h"

#define PCI_BARS 6

struct pci {
	char name[32];	    /* as in /sys/bus/pci/devices */
	int lock;	    /* a descriptor whose flock makes the device ours; -1 by VFIO */
	unsigned int forks; /* pci_forks() when it was opened */
	struct vfio_device vfio;
	struct pinned_device *device; /* by VFIO */
	uint8_t *bars[PCI_BARS];
	size_t bar_lens[PCI_BARS];
};

/*
 * Takes the first device of these numbers that no kernel driver and no other process has. It may not master the bus
 * yet, even if a killed process had let it. @what: what the user is told there is none of.
 *
 * ENODEV: there is none; EBUSY: others have them all; EACCES and others: what sysfs or VFIO said.
 */
int pci_open(struct pci *pci, unsigned int vendor, unsigned int device, const char *what);
/* Ends its mastering of the bus, and gives it back. In a forked child this does nothing. */
void pci_close(struct pci *pci);

/* Without the master bit a device reaches no memory. */
int pci_set_master(struct pci *pci, bool is_master);
/* As pread(). */
ssize_t pci_read_config(struct pci *pci, void *to, size_t size, off_t offset);
/* Maps bars[@bar], if it is not mapped yet; children do not get it. */
int pci_map_bar(struct pci *pci, unsigned int bar);

/* What the device is to be told for memory: as pinned_v2p() and pinned_v2p_sg(), or as pinned_dma_addr() and pinned_dma_sg(). */
uint64_t pci_address(const struct pci *pci, const void *memory);
long pci_extents(const struct pci *pci, const void *memory, size_t len,
		 struct pinned_extent *extents, size_t count);

/* How many forks lie between the process that first opened a device and this one. */
unsigned int pci_forks(void);
/* Is this process a fork of the one that opened the device? */
bool pci_is_forked(const struct pci *pci);

#endif /* EXAMPLES_PCI_H */

/* SPDX-License-Identifier: MIT */
/*
 * Access to a PCI device from user space, through sysfs or VFIO: finds the device by its vendor and
 * device numbers, maps its BARs, and switches its bus mastering. One process at a time owns a
 * device; a forked child owns none of its parent's devices.
 *
 * A device that is bound to vfio-pci is accessed through VFIO, without root. This process's pinned
 * memory is then attached to the device, and the device must be given I/O addresses; any other
 * device must be given physical addresses.
 *
 * Functions that return int return 0, or -1 with errno and a message in why(). Any thread may open
 * and close devices; one thread at a time may use a device.
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
	int lock;	    /* a descriptor whose flock(2) reserves the device; -1 with VFIO */
	unsigned int forks; /* pci_forks() when the device was opened */
	struct vfio_device vfio;
	struct pinned_device *device; /* the attached device, with VFIO; else NULL */
	uint8_t *bars[PCI_BARS];
	size_t bar_lens[PCI_BARS];
};

/*
 * Takes the first device with these numbers that no kernel driver and no other process uses. Its
 * bus mastering is off, even if a killed process had left it on. @what: the device's name for
 * messages.
 *
 * Errors: ENODEV, there is no such device; EBUSY, all such devices are in use; EACCES and others,
 * as sysfs or VFIO reported.
 */
int pci_open(struct pci *pci, unsigned int vendor, unsigned int device, const char *what);
/* Disables bus mastering and releases the device. In a forked child this does nothing. */
void pci_close(struct pci *pci);

/* Switches bus mastering. While it is off, the device cannot access memory. */
int pci_set_master(struct pci *pci, bool is_master);
/* Reads the configuration space. Return: as pread(). */
ssize_t pci_read_config(struct pci *pci, void *to, size_t size, off_t offset);
/* Maps bars[@bar] if it is not mapped yet. A forked child does not inherit the mapping. */
int pci_map_bar(struct pci *pci, unsigned int bar);

/*
 * Translate memory to the addresses that the device must be given: with VFIO as pinned_dma_addr()
 * and pinned_dma_sg(), else as pinned_v2p() and pinned_v2p_sg().
 */
uint64_t pci_address(const struct pci *pci, const void *memory);
long pci_extents(const struct pci *pci, const void *memory, size_t len,
		 struct pinned_extent *extents, size_t count);

/* Returns the number of forks between the process that first opened a device and this process. */
unsigned int pci_forks(void);
/* Returns whether this process was forked from the process that opened the device. */
bool pci_is_forked(const struct pci *pci);

#endif /* EXAMPLES_PCI_H */

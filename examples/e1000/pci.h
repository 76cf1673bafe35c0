/* SPDX-License-Identifier: MIT */
/*
 * A PCI device from user space, by sysfs: found by its numbers, its first BAR mapped, allowed to master
 * the bus or not. One process has a device, and a process has one device; a forked child has none.
 *
 * Functions that return int return 0, or -1 with errno and a line in why().
 */
#ifndef PCI_H
#define PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pci {
	char name[32]; /* as in /sys/bus/pci/devices */
	int lock;      /* a descriptor whose flock makes the device ours */
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

/* Is this process a fork of the one that opened the device? */
bool pci_is_forked(void);

#endif /* PCI_H */

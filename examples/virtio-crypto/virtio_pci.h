/* SPDX-License-Identifier: MIT */
/*
 * Access to a modern virtio device on PCI from user space: negotiates its features and sets up its
 * queues (virtio 1.2, section 4.1). pci.h says which process owns a device, and which addresses the
 * device uses.
 *
 * Functions that return int return 0, or -1 with errno and a message in why().
 */
#ifndef VIRTIO_PCI_H
#define VIRTIO_PCI_H

#include <linux/virtio_pci.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/pci/pci.h"

struct virtio_pci {
	struct pci pci;
	volatile struct virtio_pci_common_cfg *common;
	uint8_t *notify;
	uint32_t notify_len;
	uint32_t notify_multiplier;
	volatile uint8_t *config; /* device-specific configuration */
	uint32_t config_len;
};

/*
 * Takes the first device of virtio type @type that no kernel driver and no other process uses,
 * resets it and enables bus mastering. Errors: as pci_open(); EPROTO, the device is not a modern
 * one; ETIMEDOUT, the reset does not complete.
 */
int virtio_pci_open(struct virtio_pci *virtio, unsigned int type);
/* Resets the device, so that it no longer accesses memory, and releases it. */
void virtio_pci_close(struct virtio_pci *virtio);

/* Resets the device, and waits until it has forgotten its queues. Errors: ETIMEDOUT. */
int virtio_pci_reset(struct virtio_pci *virtio);
/*
 * Accepts VIRTIO_F_VERSION_1 and those features of @wanted that the device offers. Errors: ENOTSUP,
 * the device rejects the selection.
 */
int virtio_pci_negotiate(struct virtio_pci *virtio, uint64_t wanted);
/* Starts the device, after its queues are set up. */
void virtio_pci_start(struct virtio_pci *virtio);
/* Returns false after an error of the device, and after any reset. */
bool virtio_pci_is_running(const struct virtio_pci *virtio);

/* Returns the largest possible size of queue @index; 0 if there is no such queue. */
uint16_t virtio_pci_queue_max(struct virtio_pci *virtio, uint16_t index);
/* Sets up a queue. Return: its doorbell, which is rung by writing @index; NULL with errno. */
volatile uint16_t *virtio_pci_queue_setup(struct virtio_pci *virtio, uint16_t index, uint16_t size,
					  uint64_t desc, uint64_t avail, uint64_t used);

#endif /* VIRTIO_PCI_H */

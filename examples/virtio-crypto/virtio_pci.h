/* SPDX-License-Identifier: MIT */
/*
 * A modern virtio device on PCI, from user space: its features negotiated, its queues told where they lie
 * (virtio 1.2, section 4.1). Whose it is, and what addresses it knows: see pci.h.
 *
 * Functions that return int return 0, or -1 with errno and a line in why().
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
	volatile uint8_t *config; /* the device type's own */
	uint32_t config_len;
};

/*
 * Takes the first device of virtio type @type that no kernel driver and no other process has, resets
 * it and lets it master the bus. Errors are pci_open()'s, and EPROTO: it is not a modern one; ETIMEDOUT:
 * it does not come out of its reset.
 */
int virtio_pci_open(struct virtio_pci *virtio, unsigned int type);
/* Resets the device, so that it touches no memory any more, and gives it back. */
void virtio_pci_close(struct virtio_pci *virtio);

/* Return when the device has forgotten its queues. ETIMEDOUT: it does not. */
int virtio_pci_reset(struct virtio_pci *virtio);
/* Accepts VIRTIO_F_VERSION_1 and, of @wanted, what the device offers. ENOTSUP: it does not take that. */
int virtio_pci_negotiate(struct virtio_pci *virtio, uint64_t wanted);
/* After the queues are set up. */
void virtio_pci_start(struct virtio_pci *virtio);
/* False after an error of the device, and after anybody's reset. */
bool virtio_pci_is_running(const struct virtio_pci *virtio);

/* Entries that queue @index has at most; 0: no such queue. */
uint16_t virtio_pci_queue_max(struct virtio_pci *virtio, uint16_t index);
/* Return: the queue's doorbell, to which @index is written; NULL with errno. */
volatile uint16_t *virtio_pci_queue_setup(struct virtio_pci *virtio, uint16_t index, uint16_t size,
					  uint64_t desc, uint64_t avail, uint64_t used);

#endif /* VIRTIO_PCI_H */

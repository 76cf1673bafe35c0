/* SPDX-License-Identifier: MIT */
/*
 * A split virtqueue in pinned memory (virtio 1.2, section 2.7), polled. Not thread-safe: callers
 * have a lock.
 */
#ifndef VIRTQUEUE_H
#define VIRTQUEUE_H

#include <linux/virtio_ring.h>
#include <pinned.h>
#include <stdbool.h>
#include <stdint.h>

#include "virtio_pci.h"

struct virtqueue {
	void *memory; /* of the three parts below: one pinned object */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	void **tokens; /* of requests in flight, by their first descriptor */
	volatile uint16_t *doorbell;
	uint16_t index, size;
	uint16_t free_head, free_count;
	uint16_t avail_next, used_next;
};

/*
 * Queue @index of a device that is being set up, of at most @size entries, a power of two.
 * Return: 0; -1 with errno ENOMEM, ENXIO (no such queue), ENOTSUP (memory without addresses).
 */
int virtqueue_open(struct virtqueue *vq, struct virtio_pci *virtio, uint16_t index, uint16_t size);
/* The device has been reset. */
void virtqueue_close(struct virtqueue *vq);

/*
 * Puts a request into the ring and rings the doorbell: the first @readable of @extents are read by
 * the device, @writable more are written.
 *
 * Return: 0; -1 with errno E2BIG (more extents than the ring has entries) or EAGAIN (the ring is
 * full now).
 */
int virtqueue_add(struct virtqueue *vq, const struct pinned_extent *extents, unsigned int readable,
		  unsigned int writable, void *token);
/* Return: the token of a request that the device has done; NULL if there is none. */
void *virtqueue_reap(struct virtqueue *vq);
/* After a reset. Return: the token of a request that will never be done; NULL if there is none. */
void *virtqueue_forget(struct virtqueue *vq);

#endif /* VIRTQUEUE_H */

/* SPDX-License-Identifier: MIT */
/*
 * A polled split virtqueue in pinned memory (virtio 1.2, section 2.7). Not thread-safe: callers
 * must hold a lock.
 */
#ifndef VIRTQUEUE_H
#define VIRTQUEUE_H

#include <linux/virtio_ring.h>
#include <pinned.h>
#include <stdbool.h>
#include <stdint.h>

#include "virtio_pci.h"

struct virtqueue {
	void *memory; /* one pinned object that contains the three parts below */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	void **tokens; /* tokens of requests in flight, indexed by their first descriptor */
	volatile uint16_t *doorbell;
	uint16_t index, size;
	uint16_t free_head, free_count;
	uint16_t avail_next, used_next;
};

/*
 * Sets up queue @index of a device that is being set up, with at most @size entries, a power of
 * two. Return: 0; -1 with errno ENOMEM, ENXIO (no such queue), ENOTSUP (the memory has no
 * addresses).
 */
int virtqueue_open(struct virtqueue *vq, struct virtio_pci *virtio, uint16_t index, uint16_t size);
/* Frees the queue. The device must have been reset. */
void virtqueue_close(struct virtqueue *vq);

/*
 * Puts a request into the ring and rings the doorbell. The device reads the first @readable
 * extents, and writes the next @writable extents.
 *
 * Return: 0; -1 with errno E2BIG (more extents than the ring has entries) or EAGAIN (the ring is
 * full now).
 */
int virtqueue_add(struct virtqueue *vq, const struct pinned_extent *extents, unsigned int readable,
		  unsigned int writable, void *token);
/* Takes out a request that the device has finished. Return: its token; NULL if there is none. */
void *virtqueue_reap(struct virtqueue *vq);
/*
 * After a reset, takes out a request that was in flight. Return: its token; NULL if there is none.
 */
void *virtqueue_forget(struct virtqueue *vq);

#endif /* VIRTQUEUE_H */

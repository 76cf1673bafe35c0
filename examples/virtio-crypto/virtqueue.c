// SPDX-License-Identifier: MIT
/*
 * The three parts of a ring lie in one pinned object, which is physically contiguous. Values that
 * the device writes are validated before use: an index that does not belong to a request in flight
 * is ignored.
 */
#include "virtqueue.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/why.h"

/* 2.7: alignment of the parts. */
#define AVAIL_ALIGN 2u
#define USED_ALIGN 4u
#define END_OF_LIST UINT16_MAX

static size_t align_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static void reset_indices(struct virtqueue *vq)
{
	for (uint16_t i = 0; i < vq->size; i++)
		vq->desc[i].next = htole16(i + 1 < vq->size ? i + 1 : END_OF_LIST);
	vq->free_head = 0;
	vq->free_count = vq->size;
	vq->avail->flags = htole16(VRING_AVAIL_F_NO_INTERRUPT);
}

int virtqueue_open(struct virtqueue *vq, struct virtio_pci *virtio, uint16_t index, uint16_t size)
{
	uint16_t max = virtio_pci_queue_max(virtio, index);
	size_t avail, used, end;
	uint64_t phys;

	if (!max)
		return why_fail(ENXIO, "%s has no queue %u", virtio->pci.name, index);
	size = size < max ? size : max;
	avail = align_up(size * sizeof(struct vring_desc), AVAIL_ALIGN);
	used = align_up(avail + (3u + size) * sizeof(uint16_t), USED_ALIGN);
	end = used + 3 * sizeof(uint16_t) + size * sizeof(struct vring_used_elem);
	memset(vq, 0, sizeof(*vq));
	vq->memory = pinned_memalign(4096, end);
	vq->tokens = calloc(size, sizeof(*vq->tokens));
	if (!vq->memory || !vq->tokens) {
		why_fail(ENOMEM, "%s: no pinned memory for a ring", virtio->pci.name);
		goto err_free;
	}
	phys = pci_address(&virtio->pci, vq->memory);
	if (phys == PINNED_NO_PHYS) {
		why_fail(ENOTSUP, "memory of backend %s has no physical addresses",
			 pinned_backend());
		goto err_free;
	}
	memset(vq->memory, 0, end);
	vq->desc = vq->memory;
	vq->avail = (struct vring_avail *)((char *)vq->memory + avail);
	vq->used = (struct vring_used *)((char *)vq->memory + used);
	vq->index = index;
	vq->size = size;
	reset_indices(vq);
	pinned_sync_for_device(vq->memory, end, PINNED_DEVICE_READS | PINNED_DEVICE_WRITES);
	vq->doorbell = virtio_pci_queue_setup(virtio, index, size, phys, phys + avail, phys + used);
	if (vq->doorbell)
		return 0;
err_free:
	virtqueue_close(vq);
	return -1;
}

void virtqueue_close(struct virtqueue *vq)
{
	int error = errno;

	pinned_free(vq->memory);
	free(vq->tokens);
	memset(vq, 0, sizeof(*vq));
	errno = error;
}

/* Fills a chain of descriptors from the extents. Return: the chain's first descriptor. */
static uint16_t fill(struct virtqueue *vq, const struct pinned_extent *extents,
		     unsigned int readable, unsigned int count)
{
	uint16_t head = vq->free_head, at = head;

	for (unsigned int i = 0; i < count; i++) {
		struct vring_desc *desc = &vq->desc[at];
		uint16_t flags = i < readable ? 0 : VRING_DESC_F_WRITE;

		desc->addr = htole64(extents[i].phys);
		desc->len = htole32((uint32_t)extents[i].len);
		at = le16toh(desc->next);
		desc->flags = htole16(flags | (i + 1 < count ? VRING_DESC_F_NEXT : 0));
	}
	vq->free_head = at;
	vq->free_count -= count;
	return head;
}

int virtqueue_add(struct virtqueue *vq, const struct pinned_extent *extents, unsigned int readable,
		  unsigned int writable, void *token)
{
	unsigned int count = readable + writable;
	uint16_t head;

	if (count > vq->size)
		return why_fail(E2BIG, "a request of %u extents, and the ring has %u entries",
				count, vq->size);
	if (count > vq->free_count)
		return why_fail(EAGAIN, "the ring is full: %u of its %u entries are in use",
				vq->size - vq->free_count, vq->size);
	head = fill(vq, extents, readable, count);
	vq->tokens[head] = token;
	vq->avail->ring[vq->avail_next % vq->size] = htole16(head);
	vq->avail_next++;
	/* Release: the device may read the chain and its data as soon as it sees the index. */
	__atomic_store_n(&vq->avail->idx, htole16(vq->avail_next), __ATOMIC_RELEASE);
	/* The index must be visible before this checks whether the device sleeps (2.7.13.4). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(le16toh(__atomic_load_n(&vq->used->flags, __ATOMIC_RELAXED)) &
	      VRING_USED_F_NO_NOTIFY))
		*vq->doorbell = htole16(vq->index);
	return 0;
}

static void *give_back(struct virtqueue *vq, uint16_t head)
{
	void *token = vq->tokens[head];
	uint16_t at = head, count = 1;

	while (le16toh(vq->desc[at].flags) & VRING_DESC_F_NEXT) {
		at = le16toh(vq->desc[at].next);
		count++;
	}
	vq->desc[at].next = htole16(vq->free_head);
	vq->free_head = head;
	vq->free_count += count;
	vq->tokens[head] = NULL;
	return token;
}

void *virtqueue_reap(struct virtqueue *vq)
{
	while (vq->used_next != le16toh(__atomic_load_n(&vq->used->idx, __ATOMIC_ACQUIRE))) {
		uint32_t id = le32toh(vq->used->ring[vq->used_next % vq->size].id);

		vq->used_next++;
		if (id < vq->size && vq->tokens[id])
			return give_back(vq, (uint16_t)id);
	}
	return NULL;
}

void *virtqueue_forget(struct virtqueue *vq)
{
	for (uint16_t i = 0; i < vq->size; i++)
		if (vq->tokens[i])
			return give_back(vq, i);
	return NULL;
}

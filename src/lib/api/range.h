/* SPDX-License-Identifier: MIT */
/* A range of pinned memory as the pool that it is from knows it, for requests to the driver. */
#ifndef PN_RANGE_H
#define PN_RANGE_H

#include "chunk/heap.h"

/**
 * struct pn_range - bytes of one pool
 * @pool: a copy, so that requests need no lock
 * @offset: of the first byte, in the pool and in the arena
 * @len: bytes, at least one
 */
struct pn_range {
	struct pn_pool pool;
	size_t offset;
	size_t len;
};

/*
 * Return: 0; EFAULT, not all of it is memory that this process has from one heap; ENODEV, the pool
 * that it is from is lost.
 */
int pn_range_find(const void *ptr, size_t len, struct pn_range *range);

/*
 * The memory type of a range, without a lock: somebody must keep what is in it, as the caller of
 * pinned_sync_for_device() does.
 * Return: -1, not all of it is memory that this process has from one heap.
 */
int pn_range_type(const void *ptr, size_t len);

#endif /* PN_RANGE_H */

/* SPDX-License-Identifier: MIT */
/*
 * A range of addresses of pinned memory, and the pool that its memory is from, for requests to the
 * driver.
 */
#ifndef PN_RANGE_H
#define PN_RANGE_H

#include "chunk/heap.h"

/**
 * struct pn_range - consecutive bytes of one pool
 * @pool: a copy of the pool, so that requests need no lock
 * @offset: of the first byte, in the arena and in the pool
 * @len: number of bytes, at least one
 */
struct pn_range {
	struct pn_pool pool;
	size_t offset;
	size_t len;
};

/*
 * Fills @range for @len bytes at @ptr. Takes the arena's lock. Return: 0; EFAULT if not all of the
 * range is memory that this process has from one heap; ENODEV if the pool that the memory is from
 * is lost.
 */
int pn_range_find(const void *ptr, size_t len, struct pn_range *range);

/*
 * Returns the memory type of a range; -1 if not all of the range is memory that this process has
 * from one heap. Takes no lock: the objects in the range must not be freed meanwhile, which the
 * callers of pinned_sync_for_device() ensure.
 */
int pn_range_type(const void *ptr, size_t len);

#endif /* PN_RANGE_H */

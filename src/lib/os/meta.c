// SPDX-License-Identifier: MIT
/*
 * Records are allocated from mapped blocks and never given back. A user of records keeps those that
 * it does not need in a list of its own, because there are only few sizes.
 *
 * There is no lock, so that a record can be allocated inside any locked section, and in a forked
 * child at any time. One word points to the newest block, and one word in that block counts its
 * used bytes.
 */
#include "os/meta.h"

#include "os/assert.h"
#include "os/sys.h"

#define BLOCK_SIZE ((size_t)256 << 10)

/**
 * struct block - a mapped block
 * @used: bytes that are in use, including this header; more than BLOCK_SIZE if the block is full
 */
struct block {
	size_t used;
} __attribute__((aligned(PN_CACHE_LINE)));

static struct block *newest;

static void *cut(struct block *block, size_t size)
{
	size_t at;

	if (__atomic_load_n(&block->used, __ATOMIC_RELAXED) + size > BLOCK_SIZE)
		return NULL;
	at = __atomic_fetch_add(&block->used, size, __ATOMIC_RELAXED);
	pn_assert(!(at % PN_CACHE_LINE) && at >= sizeof(*block));
	return at + size <= BLOCK_SIZE ? (char *)block + at : NULL;
}

/*
 * Replaces @full as the newest block by a new one, unless another thread has done so already.
 * Return: the newest block, or NULL if there is no memory.
 */
static struct block *replace(struct block *full)
{
	struct block *fresh = pn_sys_table(BLOCK_SIZE);

	if (!fresh)
		return NULL;
	/* Atomic: the block may have the address of one that another thread has just unmapped. */
	__atomic_store_n(&fresh->used, sizeof(*fresh), __ATOMIC_RELAXED);
	if (__atomic_compare_exchange_n(&newest, &full, fresh, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return fresh;
	pn_sys_unmap(fresh, BLOCK_SIZE);
	return full;
}

void *pn_meta_alloc(size_t size)
{
	struct block *block = __atomic_load_n(&newest, __ATOMIC_ACQUIRE);
	void *record = NULL;

	pn_assert(size);
	size = pn_round_up(size, PN_CACHE_LINE);
	if (size > BLOCK_SIZE / 2)
		return pn_sys_table(pn_round_up(size, PN_PAGE_SIZE));
	if (block)
		record = cut(block, size);
	while (!record) {
		block = replace(block);
		if (!block)
			return NULL;
		record = cut(block, size);
	}
	return record;
}

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
 * @size: the bytes of the block
 * @used: bytes that are in use, including this header; more than @size if the block is full
 */
struct block {
	size_t size;
	size_t used;
} __attribute__((aligned(PN_CACHE_LINE)));

static struct block *newest;

static void *cut(struct block *block, size_t size)
{
	size_t all = __atomic_load_n(&block->size, __ATOMIC_RELAXED), at;

	if (__atomic_load_n(&block->used, __ATOMIC_RELAXED) + size > all)
		return NULL;
	at = __atomic_fetch_add(&block->used, size, __ATOMIC_RELAXED);
	pn_assert(!(at % PN_CACHE_LINE) && at >= sizeof(*block));
	return at + size <= all ? (char *)block + at : NULL;
}

/* Maps a block of @size bytes. Return: NULL without memory. */
static struct block *make(size_t size)
{
	struct block *fresh = pn_sys_table(size);

	if (!fresh)
		return NULL;
	/* Atomic: the block may have the address of one that another thread has just unmapped. */
	__atomic_store_n(&fresh->size, size, __ATOMIC_RELAXED);
	__atomic_store_n(&fresh->used, sizeof(*fresh), __ATOMIC_RELAXED);
	return fresh;
}

/*
 * Replaces @full as the newest block by a new one, unless another thread has done so already.
 * Return: the newest block, or NULL if there is no memory.
 */
static struct block *replace(struct block *full)
{
	struct block *fresh = make(BLOCK_SIZE);

	if (!fresh)
		return NULL;
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
	if (block)
		record = cut(block, size);
	/* Do not replace a block for the sake of a record that fills most of one. */
	if (!record && size > BLOCK_SIZE / 2)
		return pn_sys_table(pn_round_up(size, PN_PAGE_SIZE));
	while (!record) {
		block = replace(block);
		if (!block)
			return NULL;
		record = cut(block, size);
	}
	return record;
}

/* The rest of the block that was the newest one before is not used. */
bool pn_meta_reserve(size_t size)
{
	struct block *block;

	size = pn_round_up(size + sizeof(*block), PN_PAGE_SIZE);
	block = make(size);
	if (!block)
		return false;
	pn_sys_touch((char *)block + sizeof(*block), size - sizeof(*block));
	__atomic_store_n(&newest, block, __ATOMIC_RELEASE);
	return true;
}

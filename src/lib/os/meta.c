// SPDX-License-Identifier: MIT
/*
 * Records are cut from mapped blocks and never given back: who has no use for
 * one keeps it in a list of its own, since there are few sizes of them.
 *
 * There is no lock, so that records can be had inside of any section, and in a forked child at any
 * time: one word leads to the newest block, and one word in that block counts what is cut from it.
 */
#include "os/meta.h"

#include "os/assert.h"
#include "os/sys.h"

#define BLOCK_SIZE ((size_t)256 << 10)

/**
 * struct block - a mapped block
 * @used: bytes that are cut from it, this head included; more than BLOCK_SIZE: it is full
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
 * Puts a new block in the place of @full, unless another thread has done so. Return: the newest, or
 * NULL.
 */
static struct block *replace(struct block *full)
{
	struct block *fresh = pn_sys_table(BLOCK_SIZE);

	if (!fresh)
		return NULL;
	/* The addresses may have been those of another block, which another thread has unmapped. */
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

// SPDX-License-Identifier: MIT
/*
 * Records are cut from mapped blocks and never given back: who has no use for
 * one keeps it in a list of its own, since there are few sizes of them.
 */
#include "os/meta.h"

#include "os/lock.h"
#include "os/sys.h"

#define BLOCK_SIZE ((size_t)256 << 10)

/* Innermost of all locks; see runtime.c. */
static struct pn_lock lock = PN_LOCK_INIT;
static char *block;
static size_t left;

void *pn_meta_alloc(size_t size)
{
	void *record = NULL;

	size = pn_round_up(size, PN_CACHE_LINE);
	pn_lock(&lock);
	if (size > left) {
		size_t block_size = size > BLOCK_SIZE ? pn_round_up(size, 4096) : BLOCK_SIZE;
		char *fresh = pn_sys_table(block_size);

		if (fresh) {
			block = fresh;
			left = block_size;
		}
	}
	if (size <= left) {
		record = block;
		block += size;
		left -= size;
	}
	pn_unlock(&lock);
	return record;
}

void pn_meta_lock(void)
{
	pn_lock(&lock);
}

void pn_meta_unlock(void)
{
	pn_unlock(&lock);
}

void pn_meta_reset_lock(void)
{
	pn_lock_reset(&lock);
}

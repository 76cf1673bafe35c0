// SPDX-License-Identifier: MIT
/*
 * One struct hold keeps the program's object retained for all mbufs of a chain. The reference count
 * of a struct hold is in the member that DPDK calls the shared info of an external buffer; clones
 * that DPDK makes of an mbuf count, too.
 */
#include "mbufs.h"

#include <errno.h>
#include <pinned.h>
#include <rte_errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/why.h"
#include "extmem.h"

#define COUNT 1023
#define CACHE 32
/* The data of one mbuf lies in at most two chunks. */
#define EXTENTS_MAX 2

struct hold {
	struct rte_mbuf_ext_shared_info shared;
	const void *data;
};

/* Pools of mbufs: without room for data, and with room for a copy. */
static struct rte_mempool *empty, *copies;
static struct mbufs_figures sums;

static struct rte_mempool *make_pool(const char *name, uint16_t room)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create(name, COUNT, CACHE, 0, room, SOCKET_ID_ANY);

	if (!pool)
		why_fail(rte_errno, "no pool of mbufs: %s", rte_strerror(rte_errno));
	return pool;
}

int mbufs_start(void)
{
	empty = make_pool("empty", 0);
	copies = make_pool("copies", RTE_PKTMBUF_HEADROOM + MBUFS_COPY_MAX);
	return empty && copies ? 0 : -1;
}

/* DPDK calls this function after it has freed the last mbuf that refers to the data. */
static void let_go(void *data, void *argument)
{
	struct hold *hold = argument;

	(void)data;
	pinned_release(hold->data);
	free(hold);
}

static struct rte_mbuf *copy(const void *data, size_t len)
{
	struct rte_mbuf *mbuf;

	if (len > MBUFS_COPY_MAX)
		return why_fail(EMSGSIZE, "%zu bytes that are not pinned, more than %d", len,
				MBUFS_COPY_MAX),
		       NULL;
	mbuf = rte_pktmbuf_alloc(copies);
	if (!mbuf)
		return why_fail(ENOBUFS, "no mbuf is free"), NULL;
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)len), data, len);
	sums.copied_bytes += len;
	return mbuf;
}

/* Makes a chain of @count mbufs, one for each extent, that do not refer to any data yet. */
static struct rte_mbuf *make_chain(size_t count)
{
	struct rte_mbuf *mbufs[EXTENTS_MAX];

	if (rte_pktmbuf_alloc_bulk(empty, mbufs, (unsigned int)count))
		return why_fail(ENOBUFS, "no mbuf is free"), NULL;
	for (size_t i = 1; i < count; i++)
		rte_pktmbuf_chain(mbufs[0], mbufs[i]);
	return mbufs[0];
}

static void fill_chain(struct rte_mbuf *head, struct hold *hold, uint8_t *data,
		       const struct pinned_extent *extents)
{
	for (struct rte_mbuf *mbuf = head; mbuf; mbuf = mbuf->next, extents++) {
		rte_pktmbuf_attach_extbuf(mbuf, data, extents->phys, (uint16_t)extents->len,
					  &hold->shared);
		mbuf->data_len = (uint16_t)extents->len;
		head->pkt_len += mbuf->data_len;
		data += extents->len;
	}
}

struct rte_mbuf *mbufs_show(const void *data, size_t len)
{
	struct pinned_extent extents[EXTENTS_MAX];
	struct rte_mbuf *head;
	struct hold *hold;
	long count;

	if (extmem_is_forked())
		return why_fail(ENODEV, "DPDK is the parent process's"), NULL;
	if (len > UINT16_MAX)
		return why_fail(EMSGSIZE, "%zu bytes are too long for an mbuf", len), NULL;
	count = extmem_find(data, len, extents, EXTENTS_MAX);
	if (count <= 0 || pinned_retain(data))
		return copy(data, len);
	hold = malloc(sizeof(*hold));
	head = make_chain((size_t)count);
	if (!hold || !head || pinned_sync_for_device(data, len, PINNED_DEVICE_READS))
		goto err_release;
	hold->data = data;
	hold->shared.free_cb = let_go;
	hold->shared.fcb_opaque = hold;
	rte_mbuf_ext_refcnt_set(&hold->shared, (uint16_t)count);
	fill_chain(head, hold, (uint8_t *)(uintptr_t)data, extents);
	sums.in_place_bytes += len;
	return head;

err_release:
	rte_pktmbuf_free(head);
	free(hold);
	pinned_release(data);
	return NULL;
}

void mbufs_figures(struct mbufs_figures *figures)
{
	*figures = sums;
}

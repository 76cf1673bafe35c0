// SPDX-License-Identifier: MIT
/* DPDK's table of memory segments is the only record of which chunks are registered. */
#include "extmem.h"

#include <errno.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>
#include <rte_vfio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../common/vfio/vfio.h"
#include "../common/why.h"

/* The attached device; NULL if devices use physical addresses. */
static struct pinned_device *device;
static bool is_started, is_forked;

/* Returns the address that the device must use for @ptr, as libpinned translates it now. */
static rte_iova_t address_of(const void *ptr)
{
	_Static_assert(PINNED_NO_PHYS == RTE_BAD_IOVA && PINNED_NO_DMA == RTE_BAD_IOVA,
		       "no address");
	return device ? pinned_dma_addr(device, ptr) : pinned_v2p(ptr);
}

static uint8_t *chunk_of(const void *ptr)
{
	return RTE_PTR_ALIGN_FLOOR((uint8_t *)(uintptr_t)ptr, PINNED_CHUNK_SIZE);
}

static bool is_registered(const void *chunk)
{
	const struct rte_memseg *segment = rte_mem_virt2memseg(chunk, NULL);

	return segment && segment->iova == address_of(chunk);
}

/* Unregisters the run of chunks that contains @chunk, if there is one. */
static int forget_run(const void *chunk)
{
	const struct rte_memseg_list *list = rte_mem_virt2memseg_list(chunk);

	if (list && rte_extmem_unregister(list->base_va, list->len))
		return why_fail(rte_errno, "rte_extmem_unregister(%p, %zu): %s", list->base_va,
				list->len, rte_strerror(rte_errno));
	return 0;
}

/*
 * Registers @chunk and its neighbours as one run. DPDK can hold only RTE_MAX_MEMSEG_LISTS runs, of
 * any length, so each run is made as long as possible.
 */
static int register_run(uint8_t *chunk)
{
	uint8_t *first = chunk, *end = chunk + PINNED_CHUNK_SIZE;
	rte_iova_t *addresses;
	unsigned int count;
	int result = 0;

	while (address_of(first - PINNED_CHUNK_SIZE) != RTE_BAD_IOVA)
		first -= PINNED_CHUNK_SIZE;
	while (address_of(end) != RTE_BAD_IOVA)
		end += PINNED_CHUNK_SIZE;
	count = (unsigned int)((size_t)(end - first) / PINNED_CHUNK_SIZE);
	addresses = malloc(count * sizeof(*addresses));
	if (!addresses)
		return why_fail(ENOMEM, "no memory for %u addresses", count);
	for (unsigned int i = 0; i < count && !result; i++) {
		addresses[i] = address_of(first + i * PINNED_CHUNK_SIZE);
		result = forget_run(first + i * PINNED_CHUNK_SIZE);
	}
	if (!result &&
	    rte_extmem_register(first, (size_t)(end - first), addresses, count, PINNED_CHUNK_SIZE))
		result = why_fail(rte_errno, "rte_extmem_register(%p, %zu): %s", first,
				  (size_t)(end - first), rte_strerror(rte_errno));
	free(addresses);
	return result;
}

long extmem_find(const void *ptr, size_t len, struct pinned_extent *extents, size_t count)
{
	long n = device ? pinned_dma_sg(device, ptr, len, extents, count)
			: pinned_v2p_sg(ptr, len, extents, count);

	if (n <= 0)
		return n < 0 ? why_fail(EFAULT, "%p: not %zu bytes of pinned memory", ptr, len) : 0;
	for (uint8_t *chunk = chunk_of(ptr); chunk < (const uint8_t *)ptr + len;
	     chunk += PINNED_CHUNK_SIZE)
		if (!is_registered(chunk) && register_run(chunk))
			return -1;
	return n;
}

/* Start and end. */

/*
 * Finds the end of DPDK's own memory, whose I/O addresses equal its virtual addresses. The I/O
 * addresses of the pinned heap begin after that end.
 */
static int find_end(const struct rte_memseg_list *list, void *end)
{
	uint64_t *highest = end;

	if (list->base_va && list->addr_64 + list->len > *highest)
		*highest = list->addr_64 + list->len;
	return 0;
}

static void notice_fork(void)
{
	is_forked = is_started;
}

static void watch_fork(void)
{
	pthread_atfork(NULL, NULL, notice_fork);
}

bool extmem_is_forked(void)
{
	return is_forked;
}

static int attach(void)
{
	struct pinned_device_options options = { .size = sizeof(options) };

	rte_memseg_list_walk(find_end, &options.min_addr);
	device = pinned_device_attach(rte_vfio_get_container_fd(), &options);
	if (!device)
		return why_fail(errno, "pinned_device_attach to DPDK's VFIO container: %s",
				strerror(errno));
	return 0;
}

static int choose_addresses(const char *name)
{
	if (rte_eal_iova_mode() == RTE_IOVA_VA)
		return attach();
	if (vfio_has(name))
		return why_fail(ENOTSUP,
				"%s is vfio-pci's, and wants no physical addresses: --iova-mode=va",
				name);
	if (!strcmp(pinned_backend(), "anon"))
		return why_fail(ENOTSUP, "pinned memory without physical addresses: backend anon");
	return 0;
}

int extmem_start(const char *name)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (choose_addresses(name))
		return -1;
	pthread_once(&once, watch_fork);
	is_started = true;
	is_forked = false;
	return 0;
}

static int find_run(const struct rte_memseg_list *list, void *found)
{
	if (!list->external)
		return 0;
	*(void **)found = list->base_va;
	return 1;
}

void extmem_stop(void)
{
	void *run;

	while (rte_memseg_list_walk(find_run, &run) == 1 && !forget_run(run))
		;
	if (device)
		pinned_device_detach(device);
	device = NULL;
	is_started = false;
}

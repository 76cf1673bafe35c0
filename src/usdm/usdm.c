// SPDX-License-Identifier: MIT
/*
 * The functions of qae_mem.h. Memory comes from a heap for each NUMA node, which the first
 * allocation on the node creates, and whose objects are contiguous. Heaps are published by
 * compare-and-swap, so that no lock is held across a fork. The registered container is under a
 * lock that fork handlers hold.
 */
#define _GNU_SOURCE
#include "qae_mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pinned.h"

#define EXPORTED __attribute__((visibility("default")))

/* Nodes 0 to NODES - 1, and any node as the last. */
#define NODES 64
static struct pinned_heap *heaps[NODES + 1];

/*
 * The registered container. @device is NULL if there is none. @offset is the difference between an
 * I/O address and the pointer, the same for all of the process's memory. Written under the lock;
 * translations read @device and @offset without the lock. A forked child has no devices.
 */
static struct {
	pthread_mutex_t lock;
	struct pinned_device *device;
	uint64_t offset;
	int fd;
	unsigned int count;
} container = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void lock_container(void)
{
	pthread_mutex_lock(&container.lock);
}

static void unlock_container(void)
{
	pthread_mutex_unlock(&container.lock);
}

static void forget_container(void)
{
	container.device = NULL;
	unlock_container();
}

__attribute__((constructor)) static void prepare_forks(void)
{
	pthread_atfork(lock_container, unlock_container, forget_container);
}

static struct pinned_heap *create_heap(uint32_t flags, int node)
{
	const struct pinned_heap_options options = {
		.size = sizeof(options),
		.flags = flags,
		.node = flags & PINNED_HEAP_NODE ? node : 0,
	};

	return pinned_heap_create(&options);
}

/*
 * Creates a heap of contiguous objects on a node. The backends for development offer neither nodes
 * nor contiguous runs: their heap has neither. Return: the heap, or NULL with errno.
 */
static struct pinned_heap *create_some_heap(int node)
{
	uint32_t flags = PINNED_HEAP_CONTIGUOUS | (node < 0 ? 0 : PINNED_HEAP_NODE);
	struct pinned_heap *heap = create_heap(flags, node);

	if (!heap && errno == EOPNOTSUPP && strcmp(pinned_backend(), "device"))
		heap = create_heap(0, 0);
	return heap;
}

/* Returns the heap of a node, which the first call creates, or NULL with errno. */
static struct pinned_heap *heap_of(int node)
{
	struct pinned_heap **place = &heaps[node < 0 ? NODES : node];
	struct pinned_heap *heap = __atomic_load_n(place, __ATOMIC_ACQUIRE), *other = NULL;

	if (heap)
		return heap;
	heap = create_some_heap(node);
	if (!heap || __atomic_compare_exchange_n(place, &other, heap, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
		return heap;
	/* Another thread was faster. */
	pinned_heap_destroy(heap);
	return other;
}

EXPORTED int32_t qaeMemInit(void)
{
	return strcmp(pinned_backend(), "none") ? 0 : -1;
}

EXPORTED void qaeMemDestroy(void)
{
	for (size_t i = 0; i <= NODES; i++) {
		if (heaps[i] && !pinned_heap_destroy(heaps[i]))
			heaps[i] = NULL;
	}
}

EXPORTED void *qaeMemAlloc(size_t memsize)
{
	return calloc(1, memsize);
}

EXPORTED void qaeMemFree(void **ptr)
{
	if (!ptr)
		return;
	free(*ptr);
	*ptr = NULL;
}

/* Returns true if the heap's objects of more than a chunk may have several extents. */
static bool has_no_runs(void)
{
	return strcmp(pinned_backend(), "device") != 0;
}

EXPORTED void *qaeMemAllocNUMA(size_t size, int node, size_t phys_alignment_byte)
{
	struct pinned_heap *heap;

	if (!size || node >= NODES || !phys_alignment_byte ||
	    phys_alignment_byte & (phys_alignment_byte - 1) ||
	    phys_alignment_byte > PINNED_CHUNK_SIZE) {
		errno = EINVAL;
		return NULL;
	}
	heap = heap_of(node < 0 ? NUMA_ANY_NODE : node);
	if (!heap)
		return NULL;
	if (size > PINNED_CHUNK_SIZE && has_no_runs()) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	return pinned_heap_memalign(heap, phys_alignment_byte, size);
}

EXPORTED void qaeMemFreeNonZeroNUMA(void **ptr)
{
	if (!ptr)
		return;
	pinned_free(*ptr);
	*ptr = NULL;
}

EXPORTED void qaeMemFreeNUMA(void **ptr)
{
	if (!ptr || !*ptr)
		return;
	explicit_bzero(*ptr, pinned_usable_size(*ptr));
	qaeMemFreeNonZeroNUMA(ptr);
}

static struct pinned_device *registered(void)
{
	return __atomic_load_n(&container.device, __ATOMIC_ACQUIRE);
}

EXPORTED uint64_t qaeVirtToPhysNUMA(void *pVirtAddr)
{
	const struct pinned_device *device = registered();
	uint64_t address = device ? pinned_dma_addr(device, pVirtAddr) : pinned_v2p(pVirtAddr);

	_Static_assert(PINNED_NO_DMA == PINNED_NO_PHYS, "one value stands for no address");
	return address == PINNED_NO_PHYS ? 0 : address;
}

EXPORTED void *qaePhysToVirtNUMA(uint64_t physAddress)
{
	const struct pinned_device *device = registered();
	void *ptr;

	if (!device)
		return pinned_p2v(physAddress);
	ptr = (void *)(uintptr_t)(physAddress - container.offset);
	return pinned_dma_addr(device, ptr) == physAddress ? ptr : NULL;
}

/* Attaches a container. The lock must be held. Return: 0, or -1 with errno. */
static int attach(int fd)
{
	struct pinned_device *device = pinned_device_attach(fd, NULL);
	void *probe = device ? pinned_malloc(1) : NULL;
	uint64_t address = probe ? pinned_dma_addr(device, probe) : PINNED_NO_DMA;
	int err;

	if (address == PINNED_NO_DMA) {
		err = device ? ENOMEM : errno;
		pinned_free(probe);
		pinned_device_detach(device);
		errno = err;
		return -1;
	}
	container.offset = address - (uintptr_t)probe;
	container.fd = fd;
	container.count = 1;
	pinned_free(probe);
	__atomic_store_n(&container.device, device, __ATOMIC_RELEASE);
	return 0;
}

EXPORTED int qaeRegisterDevice(int fd)
{
	int result = 0;

	lock_container();
	if (!container.device) {
		result = attach(fd);
	} else if (container.fd == fd) {
		container.count++;
	} else {
		errno = EBUSY;
		result = -1;
	}
	unlock_container();
	return result;
}

EXPORTED int qaeUnregisterDevice(int fd)
{
	struct pinned_device *device = NULL;
	int result = 0;

	lock_container();
	if (!container.device || container.fd != fd) {
		errno = EINVAL;
		result = -1;
	} else if (!--container.count) {
		device = container.device;
		__atomic_store_n(&container.device, NULL, __ATOMIC_RELEASE);
		result = pinned_device_detach(device);
	}
	unlock_container();
	return result;
}

EXPORTED void qaeAtFork(void)
{
}

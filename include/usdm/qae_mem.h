/* SPDX-License-Identifier: MIT */
/*
 * The names of USDM, the memory library of Intel QuickAssist, on top of libpinned. A program that
 * calls them compiles against this header and links libusdm_pinned instead of USDM's library,
 * without a change; see libusdm_pinned(3) for the differences. Not included: functions that map
 * memory that the program got elsewhere, and the kernel's side.
 *
 * All functions may be called from any thread, except qaeMemDestroy(), and none in a signal
 * handler. A function that fails sets errno.
 */
#ifndef QAE_MEM_H_
#define QAE_MEM_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The node for qaeMemAllocNUMA() that stands for any node. */
#define NUMA_ANY_NODE (-1)

/*
 * Prepares the allocator. The other functions need no such call.
 * Return: 0; -1 if there is no pinned memory.
 */
int32_t qaeMemInit(void);
/* Frees everything that qaeMemAllocNUMA() has returned. No other thread may call meanwhile. */
void qaeMemDestroy(void);

/* Ordinary memory, as from calloc(1, @memsize), and its release. Sets *@ptr to NULL. */
void *qaeMemAlloc(size_t memsize);
void qaeMemFree(void **ptr);

/*
 * Allocates @size bytes of pinned memory that are contiguous for the device.
 * @node: a NUMA node, or NUMA_ANY_NODE
 * @phys_alignment_byte: alignment of the virtual and the physical address: a power of two, at most
 *	2 MiB
 * Return: the memory, whose content is undefined; NULL with EINVAL, ENOMEM, or EOPNOTSUPP (more
 * than 2 MiB on a backend without contiguous runs).
 */
void *qaeMemAllocNUMA(size_t size, int node, size_t phys_alignment_byte);
/* Zeroes and frees *@ptr, and sets it to NULL. Nothing happens if it is NULL. */
void qaeMemFreeNUMA(void **ptr);
/* The same without zeroing. */
void qaeMemFreeNonZeroNUMA(void **ptr);

/*
 * Returns the address by which the device reaches the byte at @pVirtAddr: a physical address, or an
 * I/O address after qaeRegisterDevice(). 0 if there is none.
 */
uint64_t qaeVirtToPhysNUMA(void *pVirtAddr);
/* The inverse. NULL if no byte has this address. */
void *qaePhysToVirtNUMA(uint64_t physAddress);

/*
 * Lets the devices of a VFIO container reach the memory. Calls for the container are counted.
 * Return: 0; -1 with EBUSY (another container is registered) or as pinned_device_attach().
 */
int qaeRegisterDevice(int fd);
/* Undoes one call of qaeRegisterDevice(). Return: 0; -1 with EINVAL. */
int qaeUnregisterDevice(int fd);

/* Does nothing: a forked child gets a copy without this call. */
void qaeAtFork(void);

#ifdef __cplusplus
}
#endif

#endif /* QAE_MEM_H_ */

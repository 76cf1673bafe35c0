/* SPDX-License-Identifier: MIT */
/*
 * libpinned: memory that a device can reach by physical address.
 *
 * Objects come from chunks of physically contiguous, never-paged memory. Up to
 * PINNED_CHUNK_SIZE an object is physically contiguous; a larger one consists
 * of extents. pinned_v2p() answers for any pointer into any object, in a few
 * nanoseconds and without a system call, and says PINNED_NO_PHYS for every
 * other pointer: it never guesses.
 *
 * A program that runs under libmalloc-pinned has all or part of its heap here,
 * and what it passes to a device's library can be translated by these same
 * functions. See pinned-run(1).
 *
 * Unless a function says otherwise: it may be called from any thread at any
 * time, also before main() and during exit; it is not safe in signal handlers;
 * it sets errno only when it fails.
 *
 * fork. The parent keeps its objects and their physical addresses. The child
 * has copies of them at the same virtual addresses, which it may read, write
 * and free, but which no device can reach: pinned_v2p() of an inherited object
 * is PINNED_NO_PHYS. What the child allocates itself is translated again.
 * A child of vfork shares everything with its parent, as usual.
 *
 * Configuration is read once, at the first call, from the environment variable
 * PINNED_CONF: key:value pairs separated by commas; see pinned(7). A process
 * that runs with raised privileges (AT_SECURE) ignores it.
 */
#ifndef PINNED_H
#define PINNED_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PINNED_API __attribute__((visibility("default")))

/* Bytes of the largest physically contiguous object. */
#define PINNED_CHUNK_SIZE ((size_t)2 << 20)

/* What pinned_v2p() says of a pointer that has no known physical address. */
#define PINNED_NO_PHYS UINT64_MAX

/**
 * struct pinned_extent - a physically contiguous range
 * @phys: physical address of its first byte
 * @len: bytes
 */
struct pinned_extent {
	uint64_t phys;
	uint64_t len;
};

/**
 * struct pinned_stats - figures of this process at one moment
 * @size: in: sizeof(struct pinned_stats); later versions grow the structure
 * @arena_bytes: reserved virtual addresses
 * @chunk_bytes: memory held from the backend, in use or kept for reuse
 * @peak_chunk_bytes: the most @chunk_bytes has been
 * @empty_chunk_bytes: of @chunk_bytes, what holds no object and waits for its decay
 * @object_bytes: allocated, as usable sizes, including what threads cache
 * @cached_bytes: of @object_bytes, free objects in the threads' caches
 * @large_bytes: of @object_bytes, in objects larger than a chunk
 * @populate_calls: requests to the backend for memory
 * @punch_calls: memory given back to it
 * @failed_allocs: allocations that ended in ENOMEM
 *
 * Taken without stopping other threads: the figures may be a few operations apart.
 */
struct pinned_stats {
	size_t size;
	uint64_t arena_bytes;
	uint64_t chunk_bytes;
	uint64_t peak_chunk_bytes;
	uint64_t empty_chunk_bytes;
	uint64_t object_bytes;
	uint64_t cached_bytes;
	uint64_t large_bytes;
	uint64_t populate_calls;
	uint64_t punch_calls;
	uint64_t failed_allocs;
};

/**
 * pinned_malloc() - allocate
 * @size: bytes; 0 gives a unique pointer too
 *
 * The object is aligned to 16 bytes or more. Its usable size is the next power of two
 * of @size (or less, with classes:fine); above 32 KiB whole pages, above PINNED_CHUNK_SIZE
 * whole chunks. Content is undefined.
 *
 * Return: the object; NULL with errno ENOMEM when there is no pinned memory, or no backend.
 * Cost: about that of malloc(3); a system call when a new chunk is needed.
 */
PINNED_API void *pinned_malloc(size_t size) __attribute__((malloc, alloc_size(1)));

/**
 * pinned_calloc() - allocate an array of zeros
 * @count: elements
 * @size: bytes of each
 *
 * Return: the object; NULL with errno ENOMEM, also when the product overflows.
 * Cost: pinned_malloc() and writing the zeros; fresh large objects are not written again.
 */
PINNED_API void *pinned_calloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2)));

/**
 * pinned_realloc() - change an object's size, moving it if necessary
 * @ptr: an object, or NULL for a new one
 * @size: bytes; 0 frees @ptr and returns NULL
 *
 * A moved object has another physical address. A small one that would use less than half of its
 * size moves too, if there is room elsewhere: shrinking does not fail. Larger ones grow and shrink
 * in place where what lies behind them allows. On failure @ptr stays as it is.
 *
 * Return: the object; NULL with errno ENOMEM.
 * Cost: little in place; else an allocation and a copy.
 */
PINNED_API void *pinned_realloc(void *ptr, size_t size) __attribute__((alloc_size(2)));

/**
 * pinned_memalign() - allocate with an alignment
 * @alignment: a power of two; more than 1 GiB ends in ENOMEM; virtual addresses are aligned to it, and physical ones
 * too up to PINNED_CHUNK_SIZE
 * @size: bytes
 *
 * Return: the object; NULL with errno EINVAL (not a power of two) or ENOMEM.
 * Cost: as pinned_malloc().
 */
PINNED_API void *pinned_memalign(size_t alignment, size_t size)
	__attribute__((malloc, alloc_size(2)));

/**
 * pinned_free() - give an object back
 * @ptr: what an allocation returned, or NULL
 *
 * A pointer that is not the start of a live object prints one line and aborts.
 * The object's memory is neither read nor written. errno is preserved.
 *
 * Cost: about that of free(3).
 */
PINNED_API void pinned_free(void *ptr);

/**
 * pinned_usable_size() - bytes that may be used of an object
 * @ptr: an object, or NULL
 *
 * Return: bytes, at least those asked for; 0 for NULL. Aborts as pinned_free() does.
 * Cost: a few nanoseconds.
 */
PINNED_API size_t pinned_usable_size(const void *ptr);

/**
 * pinned_v2p() - virtual to physical
 * @ptr: any pointer
 *
 * Return: the physical address of the byte at @ptr; PINNED_NO_PHYS if it is not in pinned memory
 * of this process or the backend knows no physical addresses.
 * The answer is good as long as the object lives.
 * Safe in signal handlers. Cost: one table look-up, no lock, no system call.
 */
PINNED_API uint64_t pinned_v2p(const void *ptr);

/**
 * pinned_v2p_sg() - the physical extents of a range
 * @ptr: start of the range
 * @len: bytes
 * @extents: where to put them, in the range's order; may be NULL if @count is 0
 * @count: how many fit there
 *
 * Return: how many extents the range has, of which the first @count are written (compare with
 * @count, call again with more room); 0 for @len 0; -1 with errno EFAULT when any byte of the range
 * has no physical address, and then nothing is promised of @extents.
 * Safe in signal handlers. Cost: one look-up for each chunk that the range touches.
 */
PINNED_API long pinned_v2p_sg(const void *ptr, size_t len, struct pinned_extent *extents,
			      size_t count);

/**
 * pinned_p2v() - physical to virtual
 * @phys: a physical address, for example from a device's descriptor
 *
 * Return: the pointer whose pinned_v2p() is @phys; NULL if this process has none.
 * Safe in signal handlers. Cost: a search through the process's chunks, linear in their number.
 */
PINNED_API void *pinned_p2v(uint64_t phys);

/**
 * pinned_owns() - is this pointer in libpinned's memory?
 * @ptr: any pointer
 *
 * Return: 1 if @ptr lies in the arena's populated memory (its object may be inherited from a parent
 * process, or freed), else 0. Safe in signal handlers. Cost: one table look-up.
 */
PINNED_API int pinned_owns(const void *ptr);

/**
 * pinned_purge() - give empty chunks back to the backend now
 *
 * First empties the calling thread's cache.
 *
 * Return: bytes given back. Cost: a system call for each run of chunks.
 */
PINNED_API size_t pinned_purge(void);

/**
 * pinned_stats() - read the figures
 * @stats: where to put them, with @stats->size set
 *
 * Return: 0; -1 with errno EINVAL for a size that this version does not know.
 * Cost: microseconds; takes each lock once.
 */
PINNED_API int pinned_stats(struct pinned_stats *stats);

/**
 * pinned_dump() - write all figures as JSON
 * @fd: a descriptor that is open for writing
 *
 * One object, in one line: the process, its heaps with their size classes, its chunks.
 * pinned_dump(3) tells of its members; later versions add some. Nothing is allocated.
 *
 * Return: 0; -1 with the errno of the write(2) that failed.
 * Cost: about a microsecond for each chunk, during which other threads wait at slow paths.
 */
PINNED_API int pinned_dump(int fd);

/**
 * pinned_profile_dump() - write the heap profile
 * @fd: a descriptor that is open for writing
 *
 * With the configuration's key profile, a sample of the live objects is recorded with
 * its call stacks. This writes it in the text format that pprof reads; see
 * pinned_profile_dump(3). Nothing is allocated.
 *
 * Return: 0; -1 with errno ENOTSUP if there is no profile, or with that of the write(2) that failed.
 * Cost: about a microsecond for each call stack.
 */
PINNED_API int pinned_profile_dump(int fd);

/**
 * pinned_backend() - where this process's memory comes from
 *
 * Return: "device" (the driver), "hugetlb" (huge pages and pagemap), "anon" (ordinary memory, no
 * physical addresses) or "none" (no backend works: every allocation fails). A constant string.
 * Decides it, if no call has done so yet.
 */
PINNED_API const char *pinned_backend(void);

#ifdef __cplusplus
}
#endif

#endif /* PINNED_H */

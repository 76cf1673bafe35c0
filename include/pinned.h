/* SPDX-License-Identifier: MIT */
/*
 * libpinned: memory that a device can reach by physical address.
 *
 * Objects are allocated from chunks of physically contiguous memory that is never paged out. An
 * object of up to PINNED_CHUNK_SIZE is physically contiguous; a larger one consists of extents.
 * pinned_v2p() returns the physical address of any pointer into any object, in a few nanoseconds
 * and without a system call. For every other pointer it returns PINNED_NO_PHYS; it never guesses.
 *
 * A program that runs under libmalloc-pinned has all or part of its heap in this memory, and the
 * same functions translate what it passes to a device's library. See pinned-run(1).
 *
 * Unless its description says otherwise, a function may be called from any thread at any time, also
 * before main() and during exit; it is not safe in signal handlers; and it sets errno only if it
 * fails.
 *
 * fork. The parent keeps its objects and their physical addresses. The child has copies of them at
 * the same virtual addresses. It may read, write and free the copies, but no device can reach them:
 * pinned_v2p() returns PINNED_NO_PHYS for an inherited object. What the child allocates itself is
 * translated. A child of vfork shares everything with its parent, as usual.
 *
 * Configuration. The library reads the environment variable PINNED_CONF once, at the first call. It
 * contains key:value pairs separated by commas; see pinned(7). A process that runs with raised
 * privileges (AT_SECURE) ignores it.
 *
 * Structures that begin with a member size grow at their end in later versions. The caller sets
 * size to the sizeof of the structure that it was compiled with. Every later library accepts it. An
 * older library accepts it too, unless the caller sets an option that this library does not know
 * (E2BIG).
 */
#ifndef PINNED_H
#define PINNED_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PINNED_API __attribute__((visibility("default")))

/*
 * Tells the compiler which function gives back what another one returns. gcc warns of a call of the
 * wrong one, such as free(pinned_malloc(1)), with -Wmismatched-dealloc.
 */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#define PINNED_GIVEN_BACK_BY(function) __attribute__((malloc(function, 1)))
#else
#define PINNED_GIVEN_BACK_BY(function)
#endif
#define PINNED_OBJECT PINNED_GIVEN_BACK_BY(pinned_free) PINNED_GIVEN_BACK_BY(pinned_realloc)

/* The version of this header. #if PINNED_VERSION >= PINNED_VERSION_OF(0, 2, 0) compares. */
#define PINNED_VERSION_OF(major, minor, patch) (((major)*0x10000u) + ((minor)*0x100u) + (patch))
#define PINNED_VERSION PINNED_VERSION_OF(0, 1, 0)
#define PINNED_VERSION_TEXT "0.1.0"

/**
 * pinned_version() - the version of the library that the program runs with
 *
 * Return: as PINNED_VERSION, which is the version of the header that the program was compiled with.
 * Safe in signal handlers. Cost: a constant.
 */
PINNED_API unsigned int pinned_version(void);

/* Bytes of the largest physically contiguous object. */
#define PINNED_CHUNK_SIZE ((size_t)2 << 20)

/* pinned_v2p() returns this for a pointer without a known physical address. */
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
 * struct pinned_stats - figures of this process, over all heaps, or of one heap
 * @size: in: sizeof(struct pinned_stats); out: the bytes of the structure that the library knows,
 *	if these are fewer. The members after these bytes are 0.
 * @arena_bytes: addresses that the library has claimed so far, whether they hold memory or not
 * @chunk_bytes: memory obtained from the backend, in use or kept for reuse
 * @peak_chunk_bytes: the maximum of @chunk_bytes so far
 * @empty_chunk_bytes: the part of @chunk_bytes that contains no object and is kept for reuse
 * @object_bytes: usable sizes of all objects, including free ones in threads' caches
 * @cached_bytes: the part of @object_bytes in free objects in threads' caches
 * @large_bytes: the part of @object_bytes in objects larger than a chunk and in raw chunks
 * @populate_calls: requests for memory to the backend
 * @punch_calls: requests that gave memory back to the backend
 * @failed_allocs: allocations that failed with ENOMEM
 * @retained_bytes: the part of @object_bytes in objects that were freed but are still retained
 *	(pinned_retain())
 * @limit_bytes: how much all heaps together, or the heap, may hold; UINT64_MAX means no limit
 * @quarantine_bytes: the part of @cached_bytes that waits before its memory is used again
 *
 * Other threads are not stopped, so the figures may be a few operations apart.
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
	uint64_t retained_bytes;
	uint64_t limit_bytes;
	uint64_t quarantine_bytes;
};

/**
 * pinned_free() - free an object
 * @ptr: the result of an allocation, or NULL
 *
 * For a pointer that is not the start of a live object, the library prints one line and aborts. The
 * object's memory is neither read nor written. errno is preserved.
 *
 * Cost: about that of free(3).
 */
PINNED_API void pinned_free(void *ptr);

/**
 * pinned_realloc() - change an object's size, moving the object if necessary
 * @ptr: an object, or NULL for a new one
 * @size: bytes; 0 frees @ptr and returns NULL
 *
 * A moved object has another physical address. An object of up to 32 KiB stays in place if @size is
 * within its usable size and more than half of it. A larger object usually shrinks in place, and
 * grows in place if the memory after it is free. Shrinking does not fail. On failure, the object is
 * unchanged.
 *
 * Return: the object; NULL with errno ENOMEM.
 * Cost: little in place; otherwise an allocation and a copy.
 */
PINNED_API void *pinned_realloc(void *ptr, size_t size) __attribute__((alloc_size(2)));

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
/* A function can be named in an attribute only after it is declared. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
PINNED_API void *pinned_realloc(void *ptr, size_t size) PINNED_OBJECT;
#pragma GCC diagnostic pop
#endif

/**
 * pinned_malloc() - allocate an object
 * @size: bytes; 0 also yields a unique pointer
 *
 * The object is aligned to at least 16 bytes. Up to 32 KiB, its usable size is @size rounded up to
 * a power of two (or to a smaller step, with classes:fine). A larger object takes whole pages, and
 * one of more than PINNED_CHUNK_SIZE takes whole chunks. The content is undefined.
 *
 * Return: the object; NULL with errno ENOMEM if there is no pinned memory or no backend.
 * Cost: about that of malloc(3); a system call if a new chunk is needed.
 */
PINNED_API void *pinned_malloc(size_t size) __attribute__((malloc, alloc_size(1))) PINNED_OBJECT;

/**
 * pinned_calloc() - allocate an array of zeros
 * @count: elements
 * @size: bytes of each
 *
 * Return: the object; NULL with errno ENOMEM, also if the product overflows.
 * Cost: pinned_malloc() and writing the zeros; fresh large objects are zero already.
 */
PINNED_API void *pinned_calloc(size_t count, size_t size)
	__attribute__((malloc, alloc_size(1, 2))) PINNED_OBJECT;

/**
 * pinned_memalign() - allocate an object with an alignment
 * @alignment: a power of two; more than 1 GiB (on 32-bit machines 64 MiB) fails with ENOMEM
 * @size: bytes
 *
 * The object's virtual address is a multiple of @alignment. The physical address is a multiple of
 * @alignment as well, if @alignment does not exceed PINNED_CHUNK_SIZE.
 *
 * Return: the object; NULL with errno EINVAL (not a power of two) or ENOMEM.
 * Cost: as pinned_malloc().
 */
PINNED_API void *pinned_memalign(size_t alignment, size_t size)
	__attribute__((malloc, alloc_size(2))) PINNED_OBJECT;

/**
 * pinned_usable_size() - the bytes of an object that may be used
 * @ptr: an object, or NULL
 *
 * Return: the number of bytes, at least the requested size; 0 for NULL. Aborts as pinned_free()
 * does.
 * Cost: a few nanoseconds.
 */
PINNED_API size_t pinned_usable_size(const void *ptr);

/**
 * pinned_v2p() - translate a pointer to a physical address
 * @ptr: any pointer
 *
 * The address is a CPU physical address, and is valid while the object lives. Behind a translating
 * IOMMU it is not valid for the device; see pinned_dma_addr().
 *
 * Return: the physical address of the byte at @ptr; PINNED_NO_PHYS if @ptr is neither in pinned
 * memory of this process nor in memory that pinned_pin() holds, or if the backend knows no physical
 * addresses.
 * Safe in signal handlers. Cost: one table look-up, no lock, no system call.
 */
PINNED_API uint64_t pinned_v2p(const void *ptr);

/**
 * pinned_v2p_sg() - the physical extents of a range
 * @ptr: start of the range
 * @len: bytes
 * @extents: receives the extents in the order of the range; may be NULL if @count is 0
 * @count: elements of @extents
 *
 * Return: the number of extents of the range, of which the first @count are written; if it is more
 * than @count, call again with a larger array. 0 if @len is 0. -1 with errno EFAULT if any byte of
 * the range has no physical address; the content of @extents is undefined then.
 * Safe in signal handlers. Cost: one look-up for each chunk that the range touches.
 */
PINNED_API long pinned_v2p_sg(const void *ptr, size_t len, struct pinned_extent *extents,
			      size_t count);

/**
 * pinned_p2v() - translate a physical address to a pointer
 * @phys: a physical address, for example from a device's descriptor
 *
 * Return: the pointer whose pinned_v2p() is @phys; NULL if this process has no such pointer.
 * Safe in signal handlers. Cost: a search through the process's chunks, linear in their number.
 */
PINNED_API void *pinned_p2v(uint64_t phys);

/**
 * pinned_owns() - does a pointer point into libpinned's memory?
 * @ptr: any pointer
 *
 * Return: 1 if @ptr points into populated memory of the library, otherwise 0. The object there may
 * have been freed, or inherited from a parent process.
 * Safe in signal handlers. Cost: one table look-up.
 */
PINNED_API int pinned_owns(const void *ptr);

/**
 * pinned_purge() - give empty chunks of all heaps back to the backend now
 *
 * The function first empties the calling thread's cache, and takes the objects of more than 32 KiB
 * out of the caches of all threads.
 *
 * Return: the number of bytes given back; 0 also if there is no backend.
 * Cost: some system calls for each run of chunks.
 */
PINNED_API size_t pinned_purge(void);

/**
 * pinned_stats() - read the figures of the process
 * @stats: receives the figures; the caller sets @stats->size
 *
 * Return: 0; -1 with errno EINVAL if no version of the library has a structure of @stats->size.
 * Cost: microseconds; takes each lock once.
 */
#if defined(__cplusplus) && defined(__GNUC__) && !defined(__clang__)
/* g++ with -Wshadow warns about a function that has a structure's name. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
PINNED_API int pinned_stats(struct pinned_stats *stats);
#if defined(__cplusplus) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

/**
 * pinned_dump() - write all figures as JSON
 * @fd: a descriptor that is open for writing
 *
 * The function writes one object in one line: the process, its heaps with their size classes, and
 * its chunks. pinned_dump(3) describes the members; later versions may add some. Nothing is
 * allocated.
 *
 * Return: 0; -1 with the errno of the write(2) that failed.
 * Cost: about a microsecond for each chunk; other threads wait at slow paths meanwhile.
 */
PINNED_API int pinned_dump(int fd);

/**
 * pinned_profile_dump() - write the heap profile
 * @fd: a descriptor that is open for writing
 *
 * With the configuration's key profile, a sample of the live objects is recorded with the call
 * stacks of their allocation. The function writes the sample in the text format that pprof reads;
 * see pinned_profile_dump(3). Nothing is allocated.
 *
 * Return: 0; -1 with errno ENOTSUP if there is no profile, or with the errno of the write(2) that
 * failed.
 * Cost: about a microsecond for each call stack.
 */
PINNED_API int pinned_profile_dump(int fd);

/**
 * pinned_backend() - the name of the backend that provides this process's memory
 *
 * The call chooses the backend, if no other call has done so yet.
 *
 * Return: a constant string: "device" (the driver), "hugetlb" (huge pages and pagemap), "anon"
 * (ordinary memory without physical addresses) or "none" (no backend works, and every allocation
 * fails).
 * Cost: a load, once the backend is chosen; choosing it takes some system calls.
 */
PINNED_API const char *pinned_backend(void);

/*
 * Heaps. pinned_malloc() allocates from the default heap: memory of type coherent, from any node. A
 * program may create other heaps, whose memory has other properties, or a limit of its own.
 * pinned_free(), pinned_realloc(), pinned_usable_size() and all translations accept objects of
 * every heap. Threads do not cache objects of these heaps, so each allocation and free takes a
 * lock.
 */

/* Memory types, described in pinned_heap_create(3). */
#define PINNED_MEMORY_COHERENT 0
#define PINNED_MEMORY_UNCACHED 1
#define PINNED_MEMORY_WRITE_COMBINE 2
#define PINNED_MEMORY_CACHED 3

/* pinned_heap_options.flags: take memory only from @node. */
#define PINNED_HEAP_NODE 1u
/* pinned_heap_options.flags: objects larger than a chunk are one physical extent each. */
#define PINNED_HEAP_CONTIGUOUS 2u

/* A heap. Where a function expects a heap, NULL means the default heap. */
struct pinned_heap;

/**
 * struct pinned_heap_options - properties of a heap; a member that is 0 means the default heap's
 * @size: sizeof(struct pinned_heap_options)
 * @flags: PINNED_HEAP_*
 * @memory_type: PINNED_MEMORY_*
 * @node: NUMA node, with PINNED_HEAP_NODE
 * @max_phys: the highest physical address that any byte may have; 0: any
 * @limit: bytes of chunks that the heap may hold, rounded down to chunks; 0: no limit of its own
 */
struct pinned_heap_options {
	size_t size;
	uint32_t flags;
	uint32_t memory_type;
	int32_t node;
	uint32_t reserved;
	uint64_t max_phys;
	uint64_t limit;
};

/**
 * pinned_heap_destroy() - destroy a heap, and give all of its memory back
 * @heap: a heap from pinned_heap_create(); for NULL nothing happens
 *
 * Objects that are still allocated in the heap are lost: an access raises SIGSEGV or reaches other
 * memory, pinned_v2p() returns PINNED_NO_PHYS, and pinned_free() aborts. No other thread may use
 * the heap during the call. A dma-buf from pinned_export() keeps its chunks until it is closed. In
 * a forked child, inherited objects of the heap stay as they are.
 *
 * Return: 0; -1 with errno EBUSY, and nothing changed, if an object of the heap is retained, if
 * another thread is giving idle chunks of the heap back and has not finished after a second, or if
 * the caller intercepts madvise() and is called by the library.
 * Cost: grows with the process's memory; two system calls for each run of chunks.
 */
PINNED_API int pinned_heap_destroy(struct pinned_heap *heap);

/**
 * pinned_heap_create() - create a heap
 * @options: its properties; NULL means those of the default heap
 *
 * A new heap holds no memory; with the driver, it holds a descriptor of the device. A forked child
 * can use the heap, which then obtains chunks of its own; the objects that the child inherited in
 * the heap are copies, like all inherited objects.
 *
 * Return: the heap; NULL with errno EINVAL (invalid options), E2BIG (an option of a later version
 * is set), EOPNOTSUPP (the backend or the driver does not offer such memory), ENOMEM, or the reason
 * why there is no backend (ENODEV, ENOENT, EACCES, EMFILE and others).
 * Cost: some system calls.
 */
PINNED_API struct pinned_heap *pinned_heap_create(const struct pinned_heap_options *options)
	PINNED_GIVEN_BACK_BY(pinned_heap_destroy);

/**
 * pinned_heap_malloc() - allocate an object in a heap
 * @heap: a heap, or NULL
 * @size: bytes; 0 also yields a unique pointer
 *
 * As pinned_malloc(). pinned_realloc() keeps the object in its heap.
 *
 * Return: the object; NULL with errno ENOMEM if there is no such memory, or a limit is reached.
 * Cost: one or two locks; a system call if a new chunk is needed.
 */
PINNED_API void *pinned_heap_malloc(struct pinned_heap *heap, size_t size)
	__attribute__((malloc, alloc_size(2))) PINNED_OBJECT;

/**
 * pinned_heap_calloc() - allocate an array of zeros in a heap
 * @heap: a heap, or NULL
 * @count: elements
 * @size: bytes of each
 *
 * Return: the object; NULL with errno ENOMEM, also if the product overflows.
 * Cost: pinned_heap_malloc() and writing the zeros, which is slow in uncached memory. Memory that
 * nobody has used since the driver zeroed it is not written again.
 */
PINNED_API void *pinned_heap_calloc(struct pinned_heap *heap, size_t count, size_t size)
	__attribute__((malloc, alloc_size(2, 3))) PINNED_OBJECT;

/**
 * pinned_heap_memalign() - allocate an object with an alignment in a heap
 * @heap: a heap, or NULL
 * @alignment: bytes, as for pinned_memalign()
 * @size: bytes
 *
 * Return: the object; NULL with errno EINVAL (not a power of two) or ENOMEM.
 * Cost: as pinned_heap_malloc().
 */
PINNED_API void *pinned_heap_memalign(struct pinned_heap *heap, size_t alignment, size_t size)
	__attribute__((malloc, alloc_size(3))) PINNED_OBJECT;

/**
 * pinned_heap_stats() - read the figures of a heap
 * @heap: a heap, or NULL for the default heap
 * @stats: receives the figures; the caller sets @stats->size
 *
 * For a heap other than the default heap, cached_bytes, retained_bytes, quarantine_bytes and
 * failed_allocs are 0, since they describe the whole process.
 *
 * Return: 0; -1 with errno EINVAL if no version of the library has a structure of @stats->size.
 * Cost: microseconds; takes each lock of the heap once.
 */
PINNED_API int pinned_heap_stats(struct pinned_heap *heap, struct pinned_stats *stats);

/**
 * pinned_pin() - pin memory that the program has mapped itself
 * @ptr: first byte
 * @len: bytes
 *
 * Pins the pages that contain the range: a stack, static memory, anonymous or shared memory, a file
 * of a tmpfs. Until pinned_unpin() is called as often as pinned_pin(), with the same pages, the
 * pages stay allocated and keep their physical addresses, and pinned_v2p() and pinned_v2p_sg()
 * translate the range. If the program unmaps, moves, discards or truncates the memory, the range is
 * no longer translated, but the pages stay until pinned_unpin(), because a device may still write
 * to them. The kernel may also end a translation on its own, for example when it splits a huge
 * page. So pin a buffer for each use by a device: the pages of a pin that was released stay pinned
 * for a while, unless the memory changes, and pinning them again costs no system call.
 * pinned_purge() gives such pages back.
 *
 * Memory of this library is pinned already, and nothing is done. A forked child has no pins.
 *
 * Return: 0; -1 with errno EINVAL (@len is 0), EFAULT (a part of the range is not mapped, is not
 * writable, or cannot be pinned: see pinned_mem(4); or the range begins in this library's memory,
 * and leaves it or was inherited from the parent process), EDQUOT or ENOMEM (a limit of the driver,
 * or no memory), ENOBUFS (512 different ranges are pinned), EOPNOTSUPP (the backend is not the
 * driver, or the kernel cannot pin this memory), or another error of the driver.
 * Safe in any thread; not in signal handlers. Cost: some ten nanoseconds if the pages are pinned
 * already, or were pinned lately; a system call otherwise.
 */
PINNED_API int pinned_pin(const void *ptr, size_t len);

/**
 * pinned_unpin() - undo one pinned_pin()
 * @ptr: first byte
 * @len: bytes, in the same pages as those that were pinned
 *
 * Return: 0, also for memory of this library; -1 with errno EINVAL if these pages are not pinned.
 * Cost: as pinned_pin().
 */
PINNED_API int pinned_unpin(const void *ptr, size_t len);

/**
 * pinned_retain() - keep an object's memory, even if the program frees the object
 * @ptr: any byte of an object
 *
 * Call this before you give a program's buffer to a device. While an object is retained, its memory
 * keeps its content and its physical address, and is not reused, although pinned_free(), or a
 * pinned_realloc() that moves the object, returns to the program as usual. The calls are counted:
 * each needs one pinned_release(). In a forked child, inherited objects are not retained.
 *
 * Return: 0; -1 with errno EFAULT (@ptr does not point into a live object of this process; raw
 * chunks are no objects), ENOBUFS (together with this object, the objects that were freed but are
 * retained would exceed the configuration's retain_limit) or ENOMEM.
 * Safe in any thread, without a lock. No other thread may free or reallocate the object during the
 * call, unless the object is retained already: such a call may return 0 and retain nothing, if the
 * object is one of up to 32 KiB. Larger objects are either retained, or the call fails with EFAULT.
 * Cost: finding the object twice and one atomic operation; while the object is retained more than
 * 63 times, one call in 32 takes a lock and accesses a hash table.
 */
PINNED_API int pinned_retain(const void *ptr);

/**
 * pinned_release() - undo one pinned_retain()
 * @ptr: any byte of the object
 *
 * If the object was freed meanwhile, the last release frees its memory.
 *
 * Return: 0, also for an object that a forked child inherited; -1 with errno EINVAL if @ptr does
 * not point into a retained object.
 * Cost: as pinned_retain(), and as pinned_free() if the memory is freed.
 */
PINNED_API int pinned_release(const void *ptr);

struct iovec;

/**
 * pinned_map() - hold a buffer for a device, and translate it
 * @ptr: first byte
 * @len: bytes
 * @extents: receives the extents of the buffer, in order
 * @count: elements of @extents
 *
 * Does in one call what a driver does for each buffer. If the buffer is a part of an object, then
 * the object is retained, as by pinned_retain(). Other memory is pinned, as by pinned_pin(), if the
 * buffer has at least as many bytes as the configuration key `pin` says, by default 1. Until
 * pinned_unmap(), the addresses stay valid, whatever the program does; for memory that was pinned,
 * see pinned_pin(). If the result is more than @count, then nothing is held, and @extents is
 * incomplete.
 *
 * Return: the number of extents; -1 with errno EINVAL (@len is 0), EFAULT (the buffer is not a part
 * of one live object; or it cannot be pinned, or is smaller than the key `pin` says; or the backend
 * knows no physical addresses), or an error of pinned_retain() or pinned_pin().
 * Safe in any thread; not in signal handlers. No other thread may free or reallocate the object
 * during the call, as for pinned_retain(). Cost: as pinned_retain() or pinned_pin().
 */
PINNED_API long pinned_map(const void *ptr, size_t len, struct pinned_extent *extents,
			   size_t count);

/**
 * pinned_unmap() - undo one pinned_map()
 * @ptr: as given to pinned_map()
 * @len: as given to pinned_map()
 *
 * Return: 0; -1 with errno EINVAL if the buffer is not mapped.
 * Safe in any thread; not in signal handlers. Cost: as pinned_release() or pinned_unpin().
 */
PINNED_API int pinned_unmap(const void *ptr, size_t len);

/**
 * pinned_mapv() - map several buffers, all of them or none
 * @buffers: the buffers, as for writev(); a buffer of 0 bytes has no extent
 * @buffer_count: elements of @buffers
 * @extents: receives the extents of all buffers, in order; an extent belongs to one buffer
 * @count: elements of @extents
 *
 * Return: the number of extents of all buffers; -1 with errno as for pinned_map(). If the call
 * fails, or if the number is more than @count, then none of the buffers is mapped.
 * Safe in any thread; not in signal handlers. Cost: as pinned_map() for each buffer.
 */
PINNED_API long pinned_mapv(const struct iovec *buffers, size_t buffer_count,
			    struct pinned_extent *extents, size_t count);

/**
 * pinned_unmapv() - undo one pinned_mapv()
 * @buffers: as given to pinned_mapv()
 * @buffer_count: as given to pinned_mapv()
 *
 * Return: 0; -1 with errno EINVAL if a buffer is not mapped; the others are unmapped.
 * Safe in any thread; not in signal handlers. Cost: as pinned_unmap() for each buffer.
 */
PINNED_API int pinned_unmapv(const struct iovec *buffers, size_t buffer_count);

/* What the device does with the memory; combine both if it reads and writes. */
#define PINNED_DEVICE_READS 1u
#define PINNED_DEVICE_WRITES 2u

/**
 * pinned_sync_for_device() - make what the CPU has written visible to the device
 * @ptr: first byte
 * @len: bytes; for 0 nothing happens
 * @directions: PINNED_DEVICE_*: what the device is going to do
 *
 * Call this before the device begins. From then on until pinned_sync_for_cpu(), the CPU must not
 * access the range, nor anything that shares a cache line with it. Memory of type cached needs the
 * call; for write-combining memory it drains the CPU's write buffers; for other types it does
 * nothing, so a library may always call it. The caller starts the device afterwards, and orders the
 * start after the writes.
 *
 * Return: 0; -1 with errno EINVAL (@directions), EFAULT (the range is not entirely memory of one
 * heap of this process) or, for type cached, ENODEV (the driver's descriptor was lost while the
 * memory was in use).
 * Thread-safe, also in forked children, which own none of their parent's ranges. Cost: a table
 * look-up for each chunk of the range; for type cached also a lock, system calls, and the cache
 * maintenance that the machine needs.
 */
PINNED_API int pinned_sync_for_device(const void *ptr, size_t len, unsigned int directions);

/**
 * pinned_sync_for_cpu() - make what the device has written visible to the CPU
 * @ptr: first byte
 * @len: bytes; for 0 nothing happens
 * @directions: PINNED_DEVICE_*: what the device has done
 *
 * Call this after the device has finished, before the CPU accesses the range. Return and cost: as
 * pinned_sync_for_device(), but for write-combining memory there is nothing to drain.
 */
PINNED_API int pinned_sync_for_cpu(const void *ptr, size_t len, unsigned int directions);

/**
 * pinned_export() - create a dma-buf of the chunks that contain a range
 * @ptr: first byte
 * @len: bytes, at least 1
 * @offset: receives the offset of the range's first byte in the dma-buf; or NULL
 *
 * The dma-buf consists of whole chunks, so whoever receives it can reach everything in them. An
 * object whose size and alignment are multiples of PINNED_CHUNK_SIZE shares no chunk. The dma-buf
 * keeps the chunks until it is closed, but not the object: free the object when the dma-buf's users
 * are done, or retain it.
 *
 * Return: a descriptor with O_CLOEXEC, which the caller closes; -1 with errno EINVAL (@len), EFAULT
 * (the range is not entirely memory of one heap of this process), EOPNOTSUPP (the backend is not
 * the driver), EFBIG (more than 8 GiB), ENODEV (the driver's descriptor was lost), EMFILE, ENOMEM.
 * Cost: a lock, and some system calls.
 */
PINNED_API int pinned_export(const void *ptr, size_t len, size_t *offset);

/*
 * Devices behind an IOMMU. A program that uses a device through VFIO needs neither root nor
 * physical addresses. It attaches the device's container, and the device reaches all memory of all
 * heaps, on any backend, at I/O addresses, and nothing else. While a device is attached, the
 * library maps each new chunk before it allocates an object in the chunk, and unmaps it before it
 * gives the chunk back. If a chunk cannot be mapped (the device has no I/O addresses left, or the
 * process may not lock more memory), then the chunk is given back and the allocation fails with
 * ENOMEM. Each attached device can therefore reach every object that the process has allocated, and
 * a driver needs no second path.
 */

/* pinned_dma_addr() returns this for a pointer that the device does not reach. */
#define PINNED_NO_DMA UINT64_MAX

/* An attached device, or all devices of its container. */
struct pinned_device;

/**
 * struct pinned_device_options - bounds of the device's I/O addresses; 0 means no bound
 * @size: sizeof(struct pinned_device_options)
 * @min_addr: the lowest address; addresses below PINNED_CHUNK_SIZE are never used
 * @max_addr: the highest address, for a device that has fewer than 64 address bits
 */
struct pinned_device_options {
	size_t size;
	uint64_t min_addr;
	uint64_t max_addr;
};

/**
 * pinned_device_detach() - withdraw this process's pinned memory from a device
 * @device: a device from pinned_device_attach(); for NULL nothing happens
 *
 * From then on the IOMMU blocks transfers that the device has not completed, so stop the device
 * first. Call this before the container's last group is closed. No other thread may use @device
 * during the call or afterwards.
 *
 * Return: 0; -1 with errno EINVAL (the device is not attached) or ENODEV (the device was lost,
 * because the program closed the library's descriptor or the container's groups; it is detached
 * nevertheless).
 * Cost: a system call for each run of chunks.
 */
PINNED_API int pinned_device_detach(struct pinned_device *device);

/**
 * pinned_device_attach() - let a device reach this process's pinned memory
 * @fd: a VFIO container with its group and IOMMU set (VFIO_SET_IOMMU, type 1 version 2), or an
 *	iommufd in place of a container
 * @options: bounds of the I/O addresses; NULL means none
 *
 * The library uses the largest range of addresses that the IOMMU supports within @options, and
 * keeps a copy of the descriptor. The call maps all present chunks, or none. Several devices may be
 * attached; the devices of one container share its mappings. Nobody else may map memory inside the
 * range. A forked child has no devices: they are detached in the child, and the parent keeps them.
 *
 * Return: the device; NULL with errno EBADF, ENOTTY (@fd is not a container), EINVAL (the container
 * has no IOMMU, or the options are invalid), E2BIG (an option of a later version is set), ENOSPC
 * (no such addresses, or fewer than there is memory; more chunks than the container can map, see
 * dma_entry_limit of vfio_iommu_type1), ENOMEM (RLIMIT_MEMLOCK), EBUSY (memory is mapped there, for
 * example because the container is attached already), EFAULT (memory that cannot be pinned for
 * long: the driver's source cma), EPERM or another error of VFIO, EMFILE, or the reason why there
 * is no backend.
 * Cost: a system call for each chunk; other threads that need chunks wait meanwhile.
 */
PINNED_API struct pinned_device *pinned_device_attach(int fd,
						      const struct pinned_device_options *options)
	PINNED_GIVEN_BACK_BY(pinned_device_detach);

/**
 * pinned_dma_addr() - translate a pointer to an I/O address of a device
 * @device: an attached device
 * @ptr: any pointer, also into the middle of an object
 *
 * The address is valid while the object lives and the device is attached. I/O addresses are
 * contiguous over a whole object of any size. The function never guesses.
 *
 * Return: the I/O address, or PINNED_NO_DMA if @ptr is not in pinned memory of this process, if the
 * object is inherited over a fork, or if the device was lost.
 * Safe in signal handlers. Cost: as pinned_v2p().
 */
PINNED_API uint64_t pinned_dma_addr(const struct pinned_device *device, const void *ptr);

/**
 * pinned_dma_sg() - the I/O extent of a range, for a device
 * @device: an attached device
 * @ptr: first byte
 * @len: bytes
 * @extents: receives the extent, whose @phys is its I/O address; may be NULL if @count is 0
 * @count: elements of @extents
 *
 * As pinned_v2p_sg(), but a range of any size is one extent.
 *
 * Return: 1; 0 if @len is 0; -1 with errno EFAULT if the device does not reach all of the range.
 * Safe in signal handlers. Cost: as pinned_dma_addr() for each chunk.
 */
PINNED_API long pinned_dma_sg(const struct pinned_device *device, const void *ptr, size_t len,
			      struct pinned_extent *extents, size_t count);

/*
 * Registrars, for devices and kernel interfaces that want memory registered before its use: RDMA,
 * registered buffers of io_uring, and the like. A registrar has two functions. One makes a chunk
 * known, and returns a key; the other withdraws the chunk. Each chunk is registered once, when
 * pinned_key() first needs its key, and stays registered until the library gives the chunk back, or
 * until pinned_unwatch(). So a program registers no single buffer, and no key is ever stale.
 * doc/registrars.md shows how to write a registrar.
 */

/* A registrar. */
struct pinned_registrar;

/**
 * pinned_unwatch() - end a registrar
 * @registrar: a registrar from pinned_watch(); for NULL nothing happens
 *
 * Calls remove for each key that exists. Waits while other threads are in a function of the
 * registrar. No other thread may use @registrar during the call or afterwards. In a forked child,
 * the call frees the child's copy of the registrar, and calls nothing.
 *
 * Return: 0; -1 with errno EDEADLK, and nothing changed, if the caller is in a function of a
 * registrar.
 * Cost: a call of remove for each key.
 */
PINNED_API int pinned_unwatch(struct pinned_registrar *registrar);

/**
 * pinned_watch() - create a registrar
 * @add: registers the @len bytes at @addr, and stores the key in *@key; returns 0, or an errno if
 *	it has registered nothing. A key may be any number but the two largest.
 * @remove: withdraws what @add has registered
 * @ctx: the first argument of both
 *
 * @addr and @len are one chunk. The library calls @add only from pinned_key(). It calls @remove
 * from any function that frees memory, from an allocation that would fail otherwise, and from
 * pinned_purge(), pinned_heap_destroy() and pinned_unwatch(), in the thread that calls that
 * function, before the chunk is given back. For one chunk the calls alternate, and each begins
 * after the one before it has returned; calls for different chunks may run at once.
 *
 * No lock of the library is held during the calls. The functions may allocate, free, and fork. They
 * may not take a lock that the program holds while it calls pinned_key(), frees or allocates. A
 * function that never returns holds up whoever needs this chunk's key, pinned_unwatch(), and
 * pinned_heap_destroy() of the chunk's heap (EBUSY).
 *
 * Return: the registrar; NULL with errno EINVAL (a function is NULL), ENOMEM, or the reason why
 * there is no backend.
 * Cost: a system call or two. The table of keys takes 8 bytes of addresses for each chunk that the
 * library could have, and memory for those parts of it that contain keys.
 */
PINNED_API struct pinned_registrar *
pinned_watch(int (*add)(void *ctx, void *addr, size_t len, uint64_t *key),
	     void (*remove)(void *ctx, void *addr, size_t len, uint64_t key), void *ctx)
	PINNED_GIVEN_BACK_BY(pinned_unwatch);

/**
 * pinned_key() - the key of a pointer
 * @registrar: a registrar
 * @ptr: any byte of an object or of a raw chunk, which no thread may free during the call
 * @key: receives the key of the chunk that contains @ptr
 *
 * Calls the registrar's add if the chunk has no key yet. The key is valid while the object lives;
 * retain the object if the program may free it earlier (pinned_retain()).
 *
 * Return: how many bytes from @ptr on the key is for, at least 1 and at most PINNED_CHUNK_SIZE: a
 * longer buffer continues in the next chunk, which has a key of its own. -1 with errno EFAULT (@ptr
 * is not in pinned memory of this process, or is in memory that a forked child inherited), ECHILD
 * (the caller is a forked child of the process that created the registrar), EDEADLK (there is no
 * key, and the caller is in a function of a registrar or intercepts madvise()), EOVERFLOW (add has
 * stored one of the two largest numbers), or what add has returned.
 * Cost: one table look-up, without a lock, if there is a key; otherwise a lock and the call of add.
 */
PINNED_API long pinned_key(struct pinned_registrar *registrar, const void *ptr, uint64_t *key);

/*
 * Raw chunks, for other allocators: memory in whole chunks, which the library neither divides nor
 * keeps records about.
 */

/* pinned_chunks_alloc(): the run is one physical extent. */
#define PINNED_CHUNKS_CONTIGUOUS 1u
/* pinned_chunks_alloc(): all bytes are zeros. */
#define PINNED_CHUNKS_ZEROED 2u

/**
 * pinned_chunks_free() - give raw chunks back
 * @chunks: a run, a part of a run, or neighbouring runs of one heap
 * @count: chunks
 *
 * Like all empty chunks, some are kept for a while for reuse (decay_ms in pinned(7)).
 *
 * Return: 0; -1 with errno EINVAL if not all of them are raw chunks of one heap; nothing has
 * changed then.
 * Cost: a lock.
 */
PINNED_API int pinned_chunks_free(void *chunks, size_t count);

/**
 * pinned_chunks_alloc() - allocate a run of chunks
 * @heap: a heap, or NULL
 * @count: chunks, at least 1
 * @alignment: of the run, in bytes: a power of two, at least PINNED_CHUNK_SIZE
 * @flags: PINNED_CHUNKS_*
 * @extents: receives the run's physical extents in the order of the run; may be NULL
 * @extent_count: in: elements of @extents; out: extents of the run, 0 if the backend knows no
 *	physical addresses; may be NULL, and then @extents is not written
 *
 * All translations accept any pointer into the run, and so do pinned_sync_for_device(),
 * pinned_sync_for_cpu() and pinned_export(). A forked child has a copy without physical addresses.
 *
 * Return: the first byte; NULL with errno EINVAL (an invalid argument), EOPNOTSUPP (the backend
 * cannot provide contiguous runs) or ENOMEM.
 * Cost: a lock, and a system call for chunks that are not idle in the heap already.
 */
PINNED_API void *pinned_chunks_alloc(struct pinned_heap *heap, size_t count, size_t alignment,
				     unsigned int flags, struct pinned_extent *extents,
				     size_t *extent_count);

#ifdef __cplusplus
}
#endif

#endif /* PINNED_H */

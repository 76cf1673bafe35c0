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
 *
 * Structures that begin with a member size grow at their end in later versions. The caller sets size
 * to the sizeof of the structure that it was compiled with. Every later library accepts it. An older
 * library accepts it too, unless the caller sets an option that this library does not know (E2BIG).
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
 * struct pinned_stats - figures of this process, over all heaps, or of one heap, at one moment
 * @size: in: sizeof(struct pinned_stats); out: the bytes of the structure that the library knows,
 *	if these are fewer. The members beyond are 0.
 * @arena_bytes: reserved virtual addresses
 * @chunk_bytes: memory held from the backend, in use or kept for reuse
 * @peak_chunk_bytes: the most @chunk_bytes has been
 * @empty_chunk_bytes: of @chunk_bytes, what holds no object and waits for its decay
 * @object_bytes: allocated, as usable sizes, including what threads cache
 * @cached_bytes: of @object_bytes, free objects in the threads' caches
 * @large_bytes: of @object_bytes, in objects larger than a chunk and in raw chunks
 * @populate_calls: requests to the backend for memory
 * @punch_calls: memory given back to it
 * @failed_allocs: allocations that ended in ENOMEM
 * @retained_bytes: of @object_bytes, freed, but retained (pinned_retain())
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
	uint64_t retained_bytes;
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
 * @alignment: a power of two; more than 1 GiB, on 32-bit machines 64 MiB, ends in ENOMEM; virtual addresses are
 * aligned to it, and physical ones too up to PINNED_CHUNK_SIZE
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
 * pinned_purge() - give empty chunks of all heaps back to the backend now
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
 * Return: 0; -1 with errno EINVAL if @stats->size is none of any version.
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

/*
 * Heaps. What pinned_malloc() gives is of the default heap: memory of type coherent, of any node.
 * A program may make others, of memory that is different, or with a limit. pinned_free(),
 * pinned_realloc(), pinned_usable_size() and all translations work on objects of any heap. Threads
 * cache no objects of the others, so each allocation and free takes a lock.
 */

/* Memory types; what each is on a machine is told in pinned_heap_create(3). */
#define PINNED_MEMORY_COHERENT 0
#define PINNED_MEMORY_UNCACHED 1
#define PINNED_MEMORY_WRITE_COMBINE 2
#define PINNED_MEMORY_CACHED 3

/* pinned_heap_options.flags: take memory from @node alone. */
#define PINNED_HEAP_NODE 1u
/* pinned_heap_options.flags: objects larger than a chunk are one physical extent each. */
#define PINNED_HEAP_CONTIGUOUS 2u

/* A heap. Where one is expected, NULL is the default one. */
struct pinned_heap;

/**
 * struct pinned_heap_options - what a heap shall be; what is 0 is as in the default heap
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
 * pinned_heap_create() - make a heap
 * @options: what it shall be; NULL: as the default one
 *
 * It holds no memory yet, but one descriptor of the device. In a forked child the heap goes on, with
 * chunks of its own; objects in it that the child inherited are copies, as all inherited ones.
 *
 * Return: the heap; NULL with errno EINVAL (options that make no sense), E2BIG (an option of a later
 * version is set), EOPNOTSUPP (the backend or the driver has no such memory), ENOMEM, or why there is
 * no backend (ENODEV, ENOENT, EACCES, EMFILE and others).
 * Cost: some system calls.
 */
PINNED_API struct pinned_heap *pinned_heap_create(const struct pinned_heap_options *options);

/**
 * pinned_heap_destroy() - end a heap, and give all of its memory back
 * @heap: what pinned_heap_create() returned; NULL does nothing
 *
 * Objects that are still allocated are gone: touching one raises SIGSEGV or shows other memory, its
 * pinned_v2p() is PINNED_NO_PHYS, and pinned_free() aborts. No other thread may use the heap during
 * the call. What a dma-buf of pinned_export() holds stays until that is closed. In a forked child,
 * inherited objects of the heap stay too.
 *
 * Return: 0; -1 with errno EBUSY, and nothing has changed: an object is retained.
 * Cost: grows with the memory that the process has; a system call for each run of chunks.
 */
PINNED_API int pinned_heap_destroy(struct pinned_heap *heap);

/**
 * pinned_heap_malloc() - allocate in a heap
 * @heap: a heap, or NULL
 * @size: bytes; 0 gives a unique pointer too
 *
 * As pinned_malloc(). pinned_realloc() stays in the heap.
 *
 * Return: the object; NULL with errno ENOMEM: no memory of this sort, or over a limit.
 * Cost: a lock or two; a system call when a new chunk is needed.
 */
PINNED_API void *pinned_heap_malloc(struct pinned_heap *heap, size_t size)
	__attribute__((malloc, alloc_size(2)));

/**
 * pinned_heap_calloc() - allocate an array of zeros in a heap
 * @heap: a heap, or NULL
 * @count: elements
 * @size: bytes of each
 *
 * Return: the object; NULL with errno ENOMEM, also when the product overflows.
 * Cost: pinned_heap_malloc() and writing the zeros, which is slow in uncached memory; what nobody
 * has had since the driver zeroed it is not written again.
 */
PINNED_API void *pinned_heap_calloc(struct pinned_heap *heap, size_t count, size_t size)
	__attribute__((malloc, alloc_size(2, 3)));

/**
 * pinned_heap_memalign() - allocate with an alignment in a heap
 * @heap: a heap, or NULL
 * @alignment: bytes, as for pinned_memalign()
 * @size: bytes
 *
 * Return: the object; NULL with errno EINVAL (not a power of two) or ENOMEM.
 * Cost: as pinned_heap_malloc().
 */
PINNED_API void *pinned_heap_memalign(struct pinned_heap *heap, size_t alignment, size_t size)
	__attribute__((malloc, alloc_size(3)));

/**
 * pinned_heap_stats() - read the figures of a heap
 * @heap: a heap, or NULL for the default one
 * @stats: where to put them, with @stats->size set
 *
 * Of a heap that is not the default one cached_bytes, retained_bytes and failed_allocs are 0: they
 * are the process's.
 *
 * Return: 0; -1 with errno EINVAL if @stats->size is none of any version.
 * Cost: microseconds; takes each lock of the heap once.
 */
PINNED_API int pinned_heap_stats(struct pinned_heap *heap, struct pinned_stats *stats);

/**
 * pinned_retain() - keep an object's memory, even if the program frees it
 * @ptr: any byte of an object
 *
 * For who gives a program's buffer to a device: as long as somebody retains an object, pinned_free()
 * of it, and a pinned_realloc() that moves it, take it from the program as always, but its memory
 * stays what it is, at its physical address, and nobody else gets it. Counts: as many
 * pinned_release() follow. In a forked child inherited objects are retained by nobody.
 *
 * Return: 0; -1 with errno EFAULT (no live object of this process is there; raw chunks are none),
 * ENOBUFS (objects that were freed but are retained, and this one, would be more bytes than the
 * configuration's retain_limit) or ENOMEM.
 * Thread-safe without a lock. Cost: finding the object and an atomic operation; above 63 at once, of 32 one takes a lock
 * and a hash table's entry.
 */
PINNED_API int pinned_retain(const void *ptr);

/**
 * pinned_release() - undo one pinned_retain()
 * @ptr: any byte of the object
 *
 * The last one of an object that was freed meanwhile gives its memory back.
 *
 * Return: 0, also for an object that a forked child inherited; -1 with errno EINVAL: nobody retains
 * an object there.
 * Cost: as pinned_retain(), or pinned_free() too.
 */
PINNED_API int pinned_release(const void *ptr);

/* What the device does with memory; both together if it reads and writes. */
#define PINNED_DEVICE_READS 1u
#define PINNED_DEVICE_WRITES 2u

/**
 * pinned_sync_for_device() - what the CPU wrote becomes visible to the device
 * @ptr: first byte
 * @len: bytes; 0 does nothing
 * @directions: PINNED_DEVICE_*: what the device is going to do
 *
 * To be called before the device begins. From then on until pinned_sync_for_cpu() the CPU must not
 * touch the range, nor what shares a cache line with it. Needed for memory of type cached; for
 * write-combining memory it empties the CPU's buffers; for others it does nothing, so that a library
 * may call it always. How the device is told afterwards, and what orders that, is the caller's.
 *
 * Return: 0; -1 with errno EINVAL (@directions), EFAULT (not all of the range is memory of one heap
 * of this process) or, for type cached, ENODEV (the driver's descriptor was lost when the memory was still in use).
 * Thread-safe, also in forked children, which have none of their parent's ranges. Cost: a look at a table, for each
 * chunk of the range; for type cached a lock, system calls and the cache maintenance that the machine needs.
 */
PINNED_API int pinned_sync_for_device(const void *ptr, size_t len, unsigned int directions);

/**
 * pinned_sync_for_cpu() - what the device wrote becomes visible to the CPU
 * @ptr: first byte
 * @len: bytes; 0 does nothing
 * @directions: PINNED_DEVICE_*: what the device has done
 *
 * To be called after the device has ended, before the CPU reads. Return and cost: as
 * pinned_sync_for_device().
 */
PINNED_API int pinned_sync_for_cpu(const void *ptr, size_t len, unsigned int directions);

/**
 * pinned_export() - a dma-buf of the chunks that hold a range
 * @ptr: first byte
 * @len: bytes, at least 1
 * @offset: where to put the range's first byte in the dma-buf; or NULL
 *
 * The dma-buf consists of whole chunks: who gets it can reach all that lies in them. What has chunks
 * to itself is aligned to PINNED_CHUNK_SIZE and a multiple of it. The dma-buf keeps the chunks until
 * it is closed, but not the object: free it when the dma-buf's users are done, or retain it.
 *
 * Return: a descriptor with O_CLOEXEC, the caller's to close; -1 with errno EINVAL (@len), EFAULT
 * (not all of the range is memory of one heap of this process), EOPNOTSUPP (a backend or kernel
 * without dma-buf), EFBIG (more than 8 GiB), ENODEV (the driver's descriptor was lost), EMFILE,
 * ENOMEM.
 * Cost: a system call.
 */
PINNED_API int pinned_export(const void *ptr, size_t len, size_t *offset);

/*
 * Devices behind an IOMMU. A program that has a device by VFIO needs neither root nor physical
 * addresses: it attaches the device's container, and the device reaches all memory of all heaps, on
 * any backend, at I/O addresses, and nothing else. As long as a device is attached, chunks are
 * mapped for it as they come, before anybody gets an object in them, and unmapped before they are
 * given back. When one cannot be mapped (the device has no I/O addresses left, the process may not
 * lock more memory) it goes back, and the allocation fails with ENOMEM: so every object that the
 * process has allocated is reachable by every attached device, and a driver needs no second way for
 * some.
 */

/* What pinned_dma_addr() says of a pointer that the device does not reach. */
#define PINNED_NO_DMA UINT64_MAX

/* An attached device, or all devices of its container. */
struct pinned_device;

/**
 * struct pinned_device_options - where the device's I/O addresses may lie; what is 0 is no limit
 * @size: sizeof(struct pinned_device_options)
 * @min_addr: the lowest; addresses below PINNED_CHUNK_SIZE are never used
 * @max_addr: the highest, for a device that has fewer than 64 address bits
 */
struct pinned_device_options {
	size_t size;
	uint64_t min_addr;
	uint64_t max_addr;
};

/**
 * pinned_device_attach() - let a device reach this process's pinned memory
 * @fd: a VFIO container with its group and IOMMU set (VFIO_SET_IOMMU, type 1 version 2), or an
 *	iommufd that is used in a container's place
 * @options: which I/O addresses; NULL: any
 *
 * The library takes the largest range of addresses that the IOMMU has within @options, and keeps a
 * copy of the descriptor. All memory that there is gets mapped, or none. Several devices may be
 * attached; a container's mappings are for all devices in it. Nobody else may map inside the range.
 * A forked child has no devices: for it they are detached, and the parent's stay as they are.
 *
 * Return: the device; NULL with errno EBADF, ENOTTY (@fd is no container), EINVAL (a container
 * without an IOMMU; options that make no sense), E2BIG (an option of a later version is set), ENOSPC
 * (no such addresses, or not as many as there is memory; more chunks than the container can map, dma_entry_limit of
 * vfio_iommu_type1), ENOMEM (RLIMIT_MEMLOCK), EBUSY (something is mapped there: the container is
 * attached already), EFAULT (memory that cannot be pinned for long: the driver's source cma), EPERM
 * or what else VFIO says, EMFILE, or why there is no backend.
 * Cost: a system call for each chunk; others wait for chunks meanwhile.
 */
PINNED_API struct pinned_device *pinned_device_attach(int fd,
						      const struct pinned_device_options *options);

/**
 * pinned_device_detach() - take this process's pinned memory from a device
 * @device: what pinned_device_attach() returned; NULL does nothing
 *
 * What the device still has under way is blocked by the IOMMU from now on, so it should be at rest.
 * To be called before the container's last group is closed. No other thread may use @device during
 * the call or afterwards.
 *
 * Return: 0; -1 with errno EINVAL (it is not attached) or ENODEV: it was lost, since the program
 * closed the library's descriptor or the container's groups; then it is detached all the same.
 * Cost: a system call for each run of chunks.
 */
PINNED_API int pinned_device_detach(struct pinned_device *device);

/**
 * pinned_dma_addr() - I/O address of a pointer, for a device
 * @device: an attached device
 * @ptr: any pointer, also into the middle of an object
 *
 * Good as long as the object lives and the device is attached. I/O addresses go on as virtual ones
 * do, over the whole of an object of any size.
 *
 * Safe in signal handlers.
 *
 * Return: the I/O address, or PINNED_NO_DMA: not in pinned memory of this process, inherited over a
 * fork, or the device was lost. It never guesses.
 * Cost: as pinned_v2p().
 */
PINNED_API uint64_t pinned_dma_addr(const struct pinned_device *device, const void *ptr);

/**
 * pinned_dma_sg() - I/O extent of a range, for a device
 * @device: an attached device
 * @ptr: first byte
 * @len: bytes
 * @extents: where to put it: @phys is then its I/O address
 * @count: how many fit there
 *
 * As pinned_v2p_sg(); but a range is one extent, whatever its size.
 *
 * Safe in signal handlers.
 *
 * Return: 1, or 0 for a @len of 0; -1 with errno EFAULT: the device does not reach all of the range.
 * Cost: as pinned_dma_addr() for each chunk.
 */
PINNED_API long pinned_dma_sg(const struct pinned_device *device, const void *ptr, size_t len,
			      struct pinned_extent *extents, size_t count);

/*
 * Raw chunks, for other allocators: memory in whole chunks, that nothing else in this library
 * carves or remembers the content of.
 */

/* pinned_chunks_alloc(): one physical extent. */
#define PINNED_CHUNKS_CONTIGUOUS 1u
/* pinned_chunks_alloc(): all zeros. */
#define PINNED_CHUNKS_ZEROED 2u

/**
 * pinned_chunks_alloc() - a run of chunks
 * @heap: whose; or NULL
 * @count: chunks, at least 1
 * @alignment: of the run, in bytes: a power of two, at least PINNED_CHUNK_SIZE
 * @flags: PINNED_CHUNKS_*
 * @extents: where to put the run's physical extents, in its order; may be NULL
 * @extent_count: in: how many fit there; out: how many the run has, 0 if the backend knows no
 *	physical addresses; may be NULL
 *
 * All translations work on any pointer into the run, and so do pinned_sync_for_device(),
 * pinned_sync_for_cpu() and pinned_export(). A forked child has a copy, without physical addresses.
 *
 * Return: the first byte; NULL with errno EINVAL (an argument that makes no sense), EOPNOTSUPP (the
 * backend has no contiguous runs) or ENOMEM.
 * Cost: a lock, and a system call for chunks that are not idle in the heap already.
 */
PINNED_API void *pinned_chunks_alloc(struct pinned_heap *heap, size_t count, size_t alignment,
				     unsigned int flags, struct pinned_extent *extents,
				     size_t *extent_count);

/**
 * pinned_chunks_free() - give raw chunks back
 * @chunks: a run, or a part of one, or several that follow each other in one heap
 * @count: chunks
 *
 * They are kept for a while for reuse, as all empty chunks (decay_ms in pinned(7)).
 *
 * Return: 0; -1 with errno EINVAL, and nothing has changed: not all of them are raw chunks of one heap.
 * Cost: a lock.
 */
PINNED_API int pinned_chunks_free(void *chunks, size_t count);

#ifdef __cplusplus
}
#endif

#endif /* PINNED_H */

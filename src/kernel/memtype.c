// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory types: how CPU caches treat a chunk, in user mappings and in the kernel's mapping.
 *
 * On x86, two mappings of one page must agree. So the kernel's mapping gets the type of the user's,
 * and becomes write-back again before the chunk goes back to its source. On arm64, the kernel's
 * linear map stays cacheable, as it does for dma_alloc_*: the architecture allows mappings to
 * differ if caches are cleaned before the other mapping is used. So on arm64 the driver cleans the
 * caches when a chunk gets its type, and invalidates them before the kernel reads the chunk. The
 * user's mapping is normal non-cacheable memory for both UNCACHED and WRITE_COMBINE.
 *
 * COHERENT is write-back, unless the parameter dma_coherent says that devices of this machine do
 * not see the caches; then COHERENT is UNCACHED. CACHED is always write-back, and needs SYNC if
 * dma_coherent is off.
 *
 * The kernel exports no interface of its own for cache maintenance by address. But the DMA
 * interface maintains caches for devices that are not coherent. `cache_device` is such a device:
 * syncing memory for the device cleans the caches, syncing memory for the CPU invalidates them.
 *
 * There are no locks: a chunk's type changes only while the caller alone has the chunk.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/platform_device.h>
#ifdef CONFIG_X86
#include <asm/set_memory.h>
#endif

#include "base.h"
#include "compat.h"
#include "memtype.h"
#include "trace.h"

static bool dma_coherent = true;
module_param(dma_coherent, bool, 0444);
MODULE_PARM_DESC(dma_coherent, "devices see the content of the CPU's caches (default: yes)");

static struct platform_device *cache_device;

/* How a memory type is cached on this machine. */
enum caching { WRITE_BACK, UNCACHED, WRITE_COMBINE };

static enum caching caching_of(u32 type)
{
	switch (type) {
	case PINNED_MEM_TYPE_UNCACHED:
		return UNCACHED;
	case PINNED_MEM_TYPE_WRITE_COMBINE:
		return WRITE_COMBINE;
	case PINNED_MEM_TYPE_COHERENT:
		return dma_coherent ? WRITE_BACK : UNCACHED;
	default:
		return WRITE_BACK;
	}
}

#if defined(CONFIG_X86) || defined(CONFIG_ARM64)
#define HAS_TYPES 1
#else
#define HAS_TYPES 0
#endif

/* Returns PINNED_MEM_FEATURE_* of the types that this machine supports. */
u32 pinned_memtype_features(void)
{
	u32 features = PINNED_MEM_FEATURE_CACHED;

	if (HAS_TYPES)
		features |= PINNED_MEM_FEATURE_UNCACHED | PINNED_MEM_FEATURE_WRITE_COMBINE;
	if (HAS_TYPES || dma_coherent)
		features |= PINNED_MEM_FEATURE_COHERENT;
	return features;
}

/* Returns a device without hardware, for calls of the DMA interface. */
struct device *pinned_memtype_device(void)
{
	return &cache_device->dev;
}

/* Returns true if the CPU caches memory of this type. */
bool pinned_memtype_is_cached(u32 type)
{
	return caching_of(type) == WRITE_BACK;
}

/*
 * Returns true if the kernel's mapping caches this type as the user's mapping does, so that the
 * kernel may copy the memory.
 */
bool pinned_memtype_is_alike(u32 type)
{
	return IS_ENABLED(CONFIG_X86) || pinned_memtype_is_cached(type);
}

/* Cache maintenance, which does nothing on machines with coherent caches. */

static bool needs_maintenance(void)
{
	return !dev_is_dma_coherent(&cache_device->dev);
}

/*
 * Maintains the caches for some bytes of a chunk: maps whole pages for the device, and syncs only
 * the bytes in question. The DMA interface (from 6.5 on) bounces a mapping of less than two cache
 * lines, since such memory might share a line with other data. It would read our memory through the
 * stale cache, and overwrite with the result what the device has written.
 */
static void maintain_caches(struct page *page, u32 offset, u32 length, enum dma_data_direction dir,
			    bool is_for_device)
{
	struct device *dev = &cache_device->dev;
	size_t size = PAGE_ALIGN(offset + length);
	dma_addr_t addr;

	trace_pinned_mem_cache(!is_for_device, offset, length, needs_maintenance());
	if (!needs_maintenance())
		return;
	addr = dma_map_page_attrs(dev, page, 0, size, DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC);
	if (WARN_ON_ONCE(dma_mapping_error(dev, addr)))
		return;
	if (is_for_device)
		dma_sync_single_range_for_device(dev, addr, offset, length, dir);
	else
		dma_sync_single_range_for_cpu(dev, addr, offset, length, dir);
	dma_unmap_page_attrs(dev, addr, size, DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC);
}

static void clean_caches(struct page *page, u32 offset, u32 length, enum dma_data_direction dir)
{
	maintain_caches(page, offset, length, dir, true);
}

static void drop_caches(struct page *page, u32 offset, u32 length, enum dma_data_direction dir)
{
	maintain_caches(page, offset, length, dir, false);
}

/**
 * pinned_memtype_before_copy() - prepares a page for a read by the kernel's own mapping
 * @page: the page
 * @type: memory type of the user's mappings of that page; it must be right: the caches of memory
 *	that is not write-back may hold stale bytes, and are invalidated, while those of write-back
 *	memory may hold the only current bytes, and must not be
 */
void pinned_memtype_before_copy(struct page *page, u32 type)
{
	if (caching_of(type) != WRITE_BACK)
		drop_caches(page, 0, PAGE_SIZE, DMA_FROM_DEVICE);
}

static enum dma_data_direction direction_of(u32 flags)
{
	bool reads = flags & PINNED_MEM_SYNC_DEVICE_READS;
	bool writes = flags & PINNED_MEM_SYNC_DEVICE_WRITES;

	if (reads == writes)
		return DMA_BIDIRECTIONAL;
	return reads ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
}

/**
 * pinned_memtype_sync() - makes CPU and devices see the same content of a part of a chunk
 * @page: the chunk's first page
 * @offset: offset of the part in the chunk
 * @length: bytes
 * @type: the chunk's type
 * @flags: PINNED_MEM_SYNC_*
 */
void pinned_memtype_sync(struct page *page, u32 offset, u32 length, u32 type, u32 flags)
{
	enum dma_data_direction dir = direction_of(flags);

	/* Complete the CPU's pending stores, those in write-combining buffers included. */
	mb();
	if (caching_of(type) != WRITE_BACK || dma_coherent)
		return;
	if (flags & PINNED_MEM_SYNC_FOR_DEVICE)
		clean_caches(page, offset, length, dir);
	if (flags & PINNED_MEM_SYNC_FOR_CPU)
		drop_caches(page, offset, length, dir);
}

/* The kernel's mapping. */

#ifdef CONFIG_X86
static int set_kernel_mapping(struct page *page, enum caching caching)
{
	unsigned long addr = (unsigned long)page_address(page);

	if (caching == UNCACHED)
		return set_memory_uc(addr, PINNED_CHUNK_PAGES);
	if (caching == WRITE_COMBINE)
		return set_memory_wc(addr, PINNED_CHUNK_PAGES);
	return set_memory_wb(addr, PINNED_CHUNK_PAGES);
}
#else
static int set_kernel_mapping(struct page *page, enum caching caching)
{
	clean_caches(page, 0, PINNED_MEM_CHUNK_SIZE, DMA_BIDIRECTIONAL);
	drop_caches(page, 0, PINNED_MEM_CHUNK_SIZE, DMA_FROM_DEVICE);
	return 0;
}
#endif

/*
 * Gives a new, zeroed chunk the memory type @type. Returns false without memory; the chunk is then
 * write-back, and @type is set to say so.
 */
bool pinned_memtype_set(struct page *page, u32 *type)
{
	enum caching caching = caching_of(*type);

	if (caching == WRITE_BACK || !set_kernel_mapping(page, caching))
		return true;
	set_kernel_mapping(page, WRITE_BACK);
	*type = PINNED_MEM_TYPE_CACHED;
	return false;
}

/*
 * Makes a chunk without a holder in the driver write-back again, and sets @type to say so. Returns
 * false without memory.
 */
bool pinned_memtype_reset(struct page *page, u32 *type)
{
	if (caching_of(*type) != WRITE_BACK && set_kernel_mapping(page, WRITE_BACK))
		return false;
	*type = PINNED_MEM_TYPE_CACHED;
	return true;
}

/* The user's mapping. */

pgprot_t pinned_memtype_prot(u32 type, pgprot_t prot)
{
	switch (caching_of(type)) {
	case UNCACHED:
		/* On arm64, pgprot_noncached() is meant for device registers. */
		return IS_ENABLED(CONFIG_ARM64) ? pgprot_writecombine(prot)
						: pgprot_noncached(prot);
	case WRITE_COMBINE:
		return pgprot_writecombine(prot);
	default:
		return prot;
	}
}

/* The bits of a page-table entry that say how memory is cached. Other bits may differ. */
#if defined(CONFIG_X86)
#define CACHING_BITS _PAGE_CACHE_MASK
#elif defined(CONFIG_ARM64)
#define CACHING_BITS PTE_ATTRINDX_MASK
#else
#define CACHING_BITS 0
#endif

/* Returns true if the mapping was made for this type. */
bool pinned_memtype_is_of(struct vm_area_struct *vma, u32 type)
{
	pgprot_t wanted = pinned_memtype_prot(type, vm_get_page_prot(vma->vm_flags));

	return !((pgprot_val(vma->vm_page_prot) ^ pgprot_val(wanted)) & CACHING_BITS);
}

int pinned_memtype_init(void)
{
	int err;

	cache_device =
		platform_device_register_simple("pinned_mem_cache", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(cache_device))
		return PTR_ERR(cache_device);
	err = dma_set_mask_and_coherent(&cache_device->dev, DMA_BIT_MASK(64));
	if (err)
		platform_device_unregister(cache_device);
	return err;
}

void pinned_memtype_exit(void)
{
	platform_device_unregister(cache_device);
}

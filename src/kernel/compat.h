/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compatibility with kernels from 5.10 on. The driver is written for the newest kernel's interface,
 * and this file supplies what older kernels lack. Each block names the change that it covers, and
 * can be removed when the oldest supported kernel contains that change. Nothing is redefined.
 */
#ifndef PINNED_MEM_COMPAT_H
#define PINNED_MEM_COMPAT_H

/* list_lru.h of 5.17 uses the type of a spinlock without including it. */
#include <linux/spinlock.h>

#include <linux/highmem.h>
#include <linux/list_lru.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "pinned_mem needs Linux 5.10 or newer"
#endif

/* 6.3, commit bc292ab00f6c: vm_flags became const; helpers that take the VMA's lock change it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_mod(struct vm_area_struct *vma, vm_flags_t set, vm_flags_t clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

/*
 * 6.13, commit cdd30ebb1b9f: a namespace is a string. In 5.10, a macro in place of the namespace
 * would not be expanded, so each use spells the namespace out.
 *
 * 5.16, commit 16b0314aa746: the functions of dma-buf are in a namespace.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define PINNED_EXPORT_SYMBOL(symbol) EXPORT_SYMBOL_NS_GPL(symbol, PINNED_MEM)
#define PINNED_IMPORT_DMA_BUF MODULE_IMPORT_NS(DMA_BUF)
#else
#define PINNED_EXPORT_SYMBOL(symbol) EXPORT_SYMBOL_NS_GPL(symbol, "PINNED_MEM")
#define PINNED_IMPORT_DMA_BUF MODULE_IMPORT_NS("DMA_BUF")
#endif

/*
 * 5.11, commit 6619ccf1bb1d: a dma-buf's vmap fills a structure, which 5.18, commit 7938f4218168,
 * renamed. PINNED_DMA_BUF_VMAP() defines the functions that older kernels expect, by means of the
 * functions for the newest; PINNED_DMA_BUF_OP() gives the name of such a function.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
struct dma_buf;

struct iosys_map {
	void *vaddr;
};

static inline void iosys_map_set_vaddr(struct iosys_map *map, void *vaddr)
{
	map->vaddr = vaddr;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define PINNED_DMA_BUF_OP(function) function##_5_10
#define PINNED_DMA_BUF_VMAP(map_function, unmap_function)                      \
	static void *map_function##_5_10(struct dma_buf *dmabuf)               \
	{                                                                      \
		struct iosys_map map;                                          \
		return map_function(dmabuf, &map) ? NULL : map.vaddr;          \
	}                                                                      \
	static void unmap_function##_5_10(struct dma_buf *dmabuf, void *vaddr) \
	{                                                                      \
		unmap_function(dmabuf, &(struct iosys_map){ .vaddr = vaddr }); \
	}
#elif LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
#include <linux/dma-buf-map.h>
#define PINNED_DMA_BUF_OP(function) function##_5_11
#define PINNED_DMA_BUF_VMAP(map_function, unmap_function)                                  \
	static int map_function##_5_11(struct dma_buf *dmabuf, struct dma_buf_map *old)    \
	{                                                                                  \
		struct iosys_map map;                                                      \
		int err = map_function(dmabuf, &map);                                      \
		if (!err)                                                                  \
			dma_buf_map_set_vaddr(old, map.vaddr);                             \
		return err;                                                                \
	}                                                                                  \
	static void unmap_function##_5_11(struct dma_buf *dmabuf, struct dma_buf_map *old) \
	{                                                                                  \
		unmap_function(dmabuf, &(struct iosys_map){ .vaddr = old->vaddr });        \
	}
#else
#include <linux/iosys-map.h>
#define PINNED_DMA_BUF_OP(function) function
#define PINNED_DMA_BUF_VMAP(map_function, unmap_function)
#endif

/*
 * 6.7, commit c42d50aefd17: the core allocates shrinkers. 6.0, commit e33c267ab70d: shrinkers have
 * names.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#include <linux/shrinker.h>

static inline struct shrinker *shrinker_alloc(unsigned int flags, const char *name)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (shrinker) {
		shrinker->seeks = DEFAULT_SEEKS;
		shrinker->flags = flags;
	}
	return shrinker;
}

/*
 * Registers a shrinker, which cannot fail on new kernels. On old kernels registering fails if there
 * is no memory for a few bytes; the driver then has no shrinker, and unregistering finds an empty
 * list.
 */
static inline void shrinker_register(struct shrinker *shrinker)
{
	int err;

	INIT_LIST_HEAD(&shrinker->list);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 0, 0)
	err = register_shrinker(shrinker);
#else
	err = register_shrinker(shrinker, "pinned_mem");
#endif
	if (err)
		pr_warn("pinned_mem: no shrinker: error %d\n", err);
}

static inline void shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#else
#include <linux/shrinker.h>
#endif

/*
 * 6.7, commit ddc1a5cbc05d: vm_ops->get_policy() also gives an index.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define PINNED_GET_POLICY_ARGUMENTS struct vm_area_struct *vma, unsigned long address
#else
#define PINNED_GET_POLICY_ARGUMENTS \
	struct vm_area_struct *vma, unsigned long address, pgoff_t *index
#endif

/*
 * 5.11, commit 18b2db3b0385: a page that is charged to a memory cgroup may be mapped by a process.
 * Before, the kernel stored the charge in the field that counts the page's mappings.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define PINNED_GFP_CHARGED_PAGE 0
#else
#define PINNED_GFP_CHARGED_PAGE __GFP_ACCOUNT
#endif

/*
 * 5.14, commit c74d40e8b5e2: modules may use set_active_memcg(). Before, that function needed a
 * variable for interrupts that was not exported.
 */
static inline struct mem_cgroup *pinned_set_active_memcg(struct mem_cgroup *memcg)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0) && defined(CONFIG_MEMCG)
	struct mem_cgroup *old = current->active_memcg;

	current->active_memcg = memcg;
	return old;
#else
	return set_active_memcg(memcg);
#endif
}

/*
 * 5.16, commit 7b230db3b8d3: struct folio. The index, mapping and flags of a compound page belong
 * to its folio, and newer kernels have them only there.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0)
static inline void pinned_set_page_index(struct page *head, pgoff_t index)
{
	head->index = index;
}

static inline void pinned_set_page_mapping(struct page *head, struct address_space *mapping)
{
	/* Whoever sees the mapping sees the index that was set before. */
	smp_store_release(&head->mapping, mapping);
}

static inline void pinned_clear_page_referenced(struct page *head)
{
	ClearPageReferenced(head);
}
#else
static inline void pinned_set_page_index(struct page *head, pgoff_t index)
{
	page_folio(head)->index = index;
}

static inline void pinned_set_page_mapping(struct page *head, struct address_space *mapping)
{
	/* Whoever sees the mapping sees the index that was set before. */
	smp_store_release(&page_folio(head)->mapping, mapping);
}

static inline void pinned_clear_page_referenced(struct page *head)
{
	folio_clear_referenced(page_folio(head));
}
#endif

/* 5.18, commit 0b90ddae1344: folio_maybe_dma_pinned(). */
static inline bool pinned_page_maybe_dma_pinned(struct page *page)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
	return page_maybe_dma_pinned(page);
#else
	return folio_maybe_dma_pinned(page_folio(page));
#endif
}

/*
 * 7.1, commit fce69f60a163: zap_vma_ptes() was renamed zap_special_vma_range(), and accepts
 * VM_MIXEDMAP as well. Before, the function accepted only VM_PFNMAP, although what it does depends
 * on no flag. So VM_PFNMAP is set during the call. The caller holds mmap_lock for writing, so
 * nobody reads the flags meanwhile.
 *
 * Removes the page-table entries of one VM_MIXEDMAP mapping; other mappings of the same file keep
 * theirs.
 */
static inline void pinned_zap_vma(struct vm_area_struct *vma)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
	vm_flags_mod(vma, VM_PFNMAP, 0);
	zap_vma_ptes(vma, vma->vm_start, vma->vm_end - vma->vm_start);
	vm_flags_mod(vma, 0, VM_PFNMAP);
#else
	zap_special_vma_range(vma, vma->vm_start, vma->vm_end - vma->vm_start);
#endif
}

/* 6.1, commit 763ecb035029: the mappings of an address space are not a list any more. */
static inline bool pinned_any_vma(struct mm_struct *mm,
				  bool (*is_wanted)(struct vm_area_struct *vma, void *arg),
				  void *arg)
{
	struct vm_area_struct *vma;

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
	for (vma = mm->mmap; vma; vma = vma->vm_next)
		if (is_wanted(vma, arg))
			return true;
#else
	VMA_ITERATOR(vmi, mm, 0);

	while ((vma = vma_next(&vmi)))
		if (is_wanted(vma, arg))
			return true;
#endif
	return false;
}

/* 5.18, commit 88f2ef73fd66: the lists of a list_lru are allocated together with the objects. */
static inline void *pinned_cache_alloc_lru(struct kmem_cache *cache, struct list_lru *lru,
					   gfp_t flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
	return kmem_cache_alloc(cache, flags);
#else
	return kmem_cache_alloc_lru(cache, lru, flags);
#endif
}

/*
 * 6.8, commit 0a97c01cd20b: list_lru_add() takes the node and the memory cgroup as arguments;
 * list_lru_add_obj() derives them from the object.
 */
static inline void pinned_lru_add(struct list_lru *lru, struct list_head *item)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	list_lru_add(lru, item);
#else
	list_lru_add_obj(lru, item);
#endif
}

static inline void pinned_lru_del(struct list_lru *lru, struct list_head *item)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	list_lru_del(lru, item);
#else
	list_lru_del_obj(lru, item);
#endif
}

/* 6.13, commit da0c02516c50: the callback of list_lru_walk_one() does not get the lock. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define PINNED_LRU_ISOLATE_ARGUMENTS \
	struct list_head *item, struct list_lru_one *list, spinlock_t *lru_lock, void *arg
#else
#define PINNED_LRU_ISOLATE_ARGUMENTS struct list_head *item, struct list_lru_one *list, void *arg
#endif

/* 5.11, commit f3ba3c710ac5: mappings of highmem pages that belong to the task. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
static inline void *kmap_local_page(struct page *page)
{
	return kmap_atomic(page);
}

static inline void kunmap_local(void *at)
{
	kunmap_atomic(at);
}
#endif

#endif /* PINNED_MEM_COMPAT_H */

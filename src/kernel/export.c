// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-bufs: slots of a pool, for other drivers and processes.
 *
 * A dma-buf holds a range, that is, references to the chunks, and so outlives slot, pool and owner.
 * A mapping of the dma-buf shows the chunks themselves in every process that maps it. So a forked
 * child shares the memory, as with any dma-buf; the rules for the owner's own mappings of the pool
 * do not change.
 *
 * Locks: `lock` protects the list of attachments, and nests inside the dma-buf's reservation lock.
 * begin_cpu_access and end_cpu_access need `lock`, since they visit all mapped tables; each
 * importer serializes mapping and unmapping of its own attachment.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "chunk.h"
#include "compat.h"
#include "export.h"
#include "memtype.h"
#include "pool.h"
#include "range.h"

/**
 * struct exported - the driver's data of one dma-buf
 * @range:	the exported memory
 * @lock:	protects @attachments
 * @attachments: list of struct attachment
 */
struct exported {
	struct pinned_mem_range *range;
	struct mutex lock;
	struct list_head attachments;
};

/**
 * struct attachment - a device that is attached to a dma-buf
 * @dev:	the device
 * @sgt:	the device's scatter list while the memory is mapped for the device, or NULL
 * @node:	entry in the export's @attachments
 */
struct attachment {
	struct device *dev;
	struct sg_table *sgt;
	struct list_head node;
};

/* Access by devices. */

static int export_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct attachment *attachment = kzalloc(sizeof(*attachment), PINNED_GFP);
	struct exported *export = dmabuf->priv;

	if (!attachment)
		return -ENOMEM;
	attachment->dev = attach->dev;
	attach->priv = attachment;
	mutex_lock(&export->lock);
	list_add(&attachment->node, &export->attachments);
	mutex_unlock(&export->lock);
	return 0;
}

static void export_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct attachment *attachment = attach->priv;
	struct exported *export = dmabuf->priv;

	mutex_lock(&export->lock);
	list_del(&attachment->node);
	mutex_unlock(&export->lock);
	kfree(attachment);
}

static void set_table(struct dma_buf_attachment *attach, struct sg_table *sgt)
{
	struct attachment *attachment = attach->priv;
	struct exported *export = attach->dmabuf->priv;

	mutex_lock(&export->lock);
	attachment->sgt = sgt;
	mutex_unlock(&export->lock);
}

static struct sg_table *export_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	struct exported *export = attach->dmabuf->priv;
	struct sg_table *sgt = pinned_range_map(export->range, attach->dev, dir);

	if (!IS_ERR(sgt))
		set_table(attach, sgt);
	return sgt;
}

static void export_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			 enum dma_data_direction dir)
{
	struct exported *export = attach->dmabuf->priv;

	set_table(attach, NULL);
	pinned_range_unmap(export->range, attach->dev, sgt, dir);
}

/* Makes the CPU, or the devices that have the memory mapped, see what the other side wrote. */
static int sync_attachments(struct dma_buf *dmabuf, enum dma_data_direction dir, bool is_for_device)
{
	struct exported *export = dmabuf->priv;
	struct attachment *attachment;

	mutex_lock(&export->lock);
	list_for_each_entry(attachment, &export->attachments, node)
		if (attachment->sgt)
			pinned_range_sync(export->range, attachment->dev, attachment->sgt, dir,
					  is_for_device);
	mutex_unlock(&export->lock);
	return 0;
}

static int export_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	return sync_attachments(dmabuf, dir, false);
}

static int export_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	return sync_attachments(dmabuf, dir, true);
}

/* Access by the CPU: user mappings, and the kernel's mapping. */

static vm_fault_t export_fault(struct vm_fault *vmf)
{
	struct pinned_mem_range *range = vmf->vma->vm_private_data;
	u64 offset = (u64)vmf->pgoff << PAGE_SHIFT;

	if (offset >= range->length)
		return VM_FAULT_SIGBUS;
	vmf->page = pinned_range_page(range, offset);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct export_vm_ops = {
	.fault = export_fault,
};

/*
 * Maps a dma-buf for a user. The mapping holds a reference to the dma-buf's file, and so keeps the
 * range.
 */
static int export_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct exported *export = dmabuf->priv;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EACCES;
	vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYEXEC);
	vma->vm_page_prot = pinned_memtype_prot(export->range->memory_type, vma->vm_page_prot);
	vma->vm_private_data = export->range;
	vma->vm_ops = &export_vm_ops;
	return 0;
}

static int export_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct exported *export = dmabuf->priv;
	unsigned long i, count = dmabuf->size >> PAGE_SHIFT;
	struct page **pages = kvmalloc_array(count, sizeof(*pages), PINNED_GFP);
	void *vaddr;

	if (!pages)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		pages[i] = pinned_range_page(export->range, i << PAGE_SHIFT);
	vaddr = vmap(pages, count, VM_MAP,
		     pinned_memtype_prot(export->range->memory_type, PAGE_KERNEL));
	kvfree(pages);
	if (!vaddr)
		return -ENOMEM;
	iosys_map_set_vaddr(map, vaddr);
	return 0;
}

static void export_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

static void destroy_export(struct exported *export)
{
	pinned_range_destroy(export->range);
	mutex_destroy(&export->lock);
	kfree(export);
}

static void export_release(struct dma_buf *dmabuf)
{
	destroy_export(dmabuf->priv);
}

PINNED_DMA_BUF_VMAP(export_vmap, export_vunmap)

static const struct dma_buf_ops export_ops = {
	.attach = export_attach,
	.detach = export_detach,
	.map_dma_buf = export_map,
	.unmap_dma_buf = export_unmap,
	.begin_cpu_access = export_begin_cpu_access,
	.end_cpu_access = export_end_cpu_access,
	.mmap = export_mmap,
	.vmap = PINNED_DMA_BUF_OP(export_vmap),
	.vunmap = PINNED_DMA_BUF_OP(export_vunmap),
	.release = export_release,
};

/* Creation. */

static struct exported *create_export(struct pinned_pool *pool, unsigned long slot,
				      unsigned long count)
{
	struct exported *export = kzalloc(sizeof(*export), PINNED_GFP);
	int err = -ENOMEM;

	if (!export)
		return ERR_PTR(-ENOMEM);
	export->range = pinned_range_create(0, count << PINNED_MEM_CHUNK_SHIFT);
	if (!export->range)
		goto err_free;
	err = pinned_range_add_slots(export->range, &pool->live, slot, count);
	if (err)
		goto err_range;
	mutex_init(&export->lock);
	INIT_LIST_HEAD(&export->attachments);
	return export;

err_range:
	pinned_range_destroy(export->range);
err_free:
	kfree(export);
	return ERR_PTR(err);
}

static struct dma_buf *export_dma_buf(struct exported *export)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &export_ops;
	info.size = export->range->length;
	info.flags = O_RDWR;
	info.priv = export;
	return dma_buf_export(&info);
}

/**
 * pinned_export_slots() - creates a dma-buf of slots
 * @pool: a pool of the current address space
 * @slot: first slot
 * @count: number of slots; all of them are inside the pool
 *
 * Return: the dma-buf's file; ERR_PTR(-ENOENT) if a slot is empty; ERR_PTR(-ENOMEM).
 */
struct file *pinned_export_slots(struct pinned_pool *pool, unsigned long slot, unsigned long count)
{
	struct exported *export = create_export(pool, slot, count);
	struct dma_buf *dmabuf;

	if (IS_ERR(export))
		return ERR_CAST(export);
	dmabuf = export_dma_buf(export);
	if (!IS_ERR(dmabuf))
		return dmabuf->file;
	destroy_export(export);
	return ERR_CAST(dmabuf);
}

PINNED_IMPORT_DMA_BUF;

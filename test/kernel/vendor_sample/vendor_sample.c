// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vendor's driver that uses pinned_mem: QEMU's edu device reads and writes a program's memory, by
 * the program's addresses or by a dma-buf. The module is built out of tree, as a vendor's package
 * would be, against the installed header and symbols.
 *
 * Registers: see QEMU's documentation of the edu device. `lock` allows one transfer at a time, and
 * also protects what a file holds.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <pinned_mem_kernel.h>

#include "vendor_sample.h"

#define REG_DMA_SOURCE 0x80
#define REG_DMA_DESTINATION 0x88
#define REG_DMA_COUNT 0x90
#define REG_DMA_COMMAND 0x98
#define DMA_RUN 0x1
#define DMA_TO_MEMORY 0x2
#define DEVICE_BUFFER 0x40000
#define TIMEOUT_US (5 * USEC_PER_SEC)

/**
 * struct holder - an open file
 * @range:	the memory that the file holds, or NULL
 * @sgt:	the same memory, mapped for the device
 * @notices:	how often the owner has let go of held memory
 * @lets_go:	the file then releases the memory
 * @release:	releases the memory, after such a notice
 */
struct holder {
	struct pinned_mem_range *range;
	struct sg_table *sgt;
	atomic_t notices;
	bool lets_go;
	struct work_struct release;
};

static DEFINE_MUTEX(lock);
static struct pci_dev *edu;
static void __iomem *registers;

/* The device. */

static void start(dma_addr_t addr, u32 length, u32 at, bool to_memory)
{
	u64 buffer = DEVICE_BUFFER + at;

	/* One 64-bit write: the device takes no halves, and addresses may be above 4 GiB. */
	writeq(to_memory ? buffer : addr, registers + REG_DMA_SOURCE);
	writeq(to_memory ? addr : buffer, registers + REG_DMA_DESTINATION);
	writeq(length, registers + REG_DMA_COUNT);
	writeq(DMA_RUN | (to_memory ? DMA_TO_MEMORY : 0), registers + REG_DMA_COMMAND);
}

static int wait_until_done(void)
{
	u32 command;

	return readl_poll_timeout(registers + REG_DMA_COMMAND, command, !(command & DMA_RUN), 1000,
				  TIMEOUT_US);
}

/*
 * Transfers bytes from @offset of a mapped table on; without @waits it only starts the last piece.
 */
static int transfer(struct sg_table *sgt, u64 offset, struct vendor_request *request, bool waits)
{
	u32 left = request->length, some;
	struct scatterlist *sg;
	int i, err = 0;

	request->segments = 0;
	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (offset >= sg_dma_len(sg)) {
			offset -= sg_dma_len(sg);
			continue;
		}
		some = min_t(u64, left, sg_dma_len(sg) - offset);
		start(sg_dma_address(sg) + offset, some, request->length - left,
		      request->to_memory);
		request->segments++;
		left -= some;
		offset = 0;
		if (left || waits)
			err = wait_until_done();
		if (!left || err)
			break;
	}
	return err ?: left ? -EFAULT : 0;
}

static enum dma_data_direction direction_of(const struct vendor_request *request)
{
	return request->to_memory ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

/* A program's memory, by its addresses. */

/*
 * The owner has let go. The range must not be put here, since putting it waits for this function;
 * so another work item does.
 */
static void revoked(void *data)
{
	struct holder *holder = data;

	atomic_inc(&holder->notices);
	if (holder->lets_go)
		schedule_work(&holder->release);
}

/* Finds the memory; with a holder, this holder is told when the owner lets go. */
static struct pinned_mem_range *get_range_of(struct task_struct *task,
					     const struct vendor_request *request,
					     unsigned int flags, struct holder *holder)
{
	if (!holder)
		return pinned_mem_range_get(task, request->addr, request->length, flags);
	return pinned_mem_range_get_revocable(task, request->addr, request->length, flags, revoked,
					      holder);
}

static struct pinned_mem_range *get_range(const struct vendor_request *request,
					  struct holder *holder)
{
	unsigned int flags = request->to_memory ? PINNED_MEM_RANGE_WRITE : 0;
	struct pinned_mem_range *range;
	struct task_struct *task;
	struct pid *pid;

	if (!request->pid)
		return get_range_of(NULL, request, flags, holder);
	pid = find_get_pid(request->pid);
	task = get_pid_task(pid, PIDTYPE_PID);
	put_pid(pid);
	if (!task)
		return ERR_PTR(-ESRCH);
	range = get_range_of(task, request, flags, holder);
	put_task_struct(task);
	return range;
}

static int do_dma(struct vendor_request *request)
{
	enum dma_data_direction dir = direction_of(request);
	struct pinned_mem_range *range = get_range(request, NULL);
	struct sg_table *sgt;
	int err;

	if (IS_ERR(range))
		return PTR_ERR(range);
	sgt = pinned_mem_range_map(range, &edu->dev, dir);
	err = PTR_ERR_OR_ZERO(sgt);
	if (!err) {
		err = transfer(sgt, 0, request, true);
		pinned_mem_range_unmap(range, &edu->dev, sgt, dir);
	}
	pinned_mem_range_put(range);
	return err;
}

static void release_held(struct holder *holder)
{
	if (!holder->range)
		return;
	wait_until_done();
	pinned_mem_range_unmap(holder->range, &edu->dev, holder->sgt, DMA_BIDIRECTIONAL);
	pinned_mem_range_put(holder->range);
	holder->range = NULL;
}

static void release_revoked(struct work_struct *work)
{
	struct holder *holder = container_of(work, struct holder, release);

	mutex_lock(&lock);
	release_held(holder);
	mutex_unlock(&lock);
}

static int do_hold(struct holder *holder, struct vendor_request *request, bool is_revocable)
{
	struct pinned_mem_range *range;

	if (holder->range)
		return -EBUSY;
	holder->lets_go = request->to_memory;
	request->to_memory = 1;
	range = get_range(request, is_revocable ? holder : NULL);
	if (IS_ERR(range))
		return PTR_ERR(range);
	holder->sgt = pinned_mem_range_map(range, &edu->dev, DMA_BIDIRECTIONAL);
	if (IS_ERR(holder->sgt)) {
		pinned_mem_range_put(range);
		return PTR_ERR(holder->sgt);
	}
	holder->range = range;
	request->segments = holder->sgt->nents;
	return 0;
}

static int do_held_dma(struct holder *holder, struct vendor_request *request, bool waits)
{
	int err;

	if (!holder->range || request->addr >= pinned_mem_range_length(holder->range))
		return -EINVAL;
	pinned_mem_range_sync_for_device(holder->range, &edu->dev, holder->sgt, DMA_BIDIRECTIONAL);
	err = transfer(holder->sgt, request->addr, request, waits);
	if (waits)
		pinned_mem_range_sync_for_cpu(holder->range, &edu->dev, holder->sgt,
					      DMA_BIDIRECTIONAL);
	return err;
}

/* Anybody's dma-buf. */

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define dma_buf_map_attachment_unlocked dma_buf_map_attachment
#define dma_buf_unmap_attachment_unlocked dma_buf_unmap_attachment
#define dma_buf_vmap_unlocked dma_buf_vmap
#define dma_buf_vunmap_unlocked dma_buf_vunmap
#endif

static int import_dma(struct dma_buf *dmabuf, struct vendor_request *request)
{
	struct dma_buf_attachment *attachment = dma_buf_attach(dmabuf, &edu->dev);
	enum dma_data_direction dir = direction_of(request);
	struct sg_table *sgt;
	int err;

	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	sgt = dma_buf_map_attachment_unlocked(attachment, dir);
	err = PTR_ERR_OR_ZERO(sgt);
	if (!err) {
		err = transfer(sgt, request->addr, request, true);
		dma_buf_unmap_attachment_unlocked(attachment, sgt, dir);
	}
	dma_buf_detach(dmabuf, attachment);
	return err;
}

static void sum_bytes(const u8 *bytes, struct vendor_request *request)
{
	u32 i;

	request->sum = 0;
	for (i = 0; i < request->length; i++)
		request->sum += bytes[request->addr + i];
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
static int import_sum(struct dma_buf *dmabuf, struct vendor_request *request)
{
	void *vaddr = dma_buf_vmap(dmabuf);

	if (!vaddr)
		return -ENOMEM;
	sum_bytes(vaddr, request);
	dma_buf_vunmap(dmabuf, vaddr);
	return 0;
}
#else
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
#define iosys_map dma_buf_map
#endif
static int import_sum(struct dma_buf *dmabuf, struct vendor_request *request)
{
	struct iosys_map map;
	int err = dma_buf_vmap_unlocked(dmabuf, &map);

	if (err)
		return err;
	sum_bytes(map.vaddr, request);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	return 0;
}
#endif

static int do_import(struct vendor_request *request, bool is_sum)
{
	struct dma_buf *dmabuf = dma_buf_get(request->fd);
	int err = -EINVAL;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (request->addr < dmabuf->size && request->length <= dmabuf->size - request->addr)
		err = is_sum ? import_sum(dmabuf, request) : import_dma(dmabuf, request);
	dma_buf_put(dmabuf);
	return err;
}

/* The file. */

static int do_request(struct holder *holder, unsigned int cmd, struct vendor_request *request)
{
	bool is_transfer = cmd != VENDOR_IOC_HOLD && cmd != VENDOR_IOC_HOLD_REVOCABLE &&
			   cmd != VENDOR_IOC_IMPORT_SUM;

	if (is_transfer && request->length > VENDOR_TRANSFER_MAX)
		return -EINVAL;
	switch (cmd) {
	case VENDOR_IOC_DMA:
		return do_dma(request);
	case VENDOR_IOC_HOLD:
		return do_hold(holder, request, false);
	case VENDOR_IOC_HOLD_REVOCABLE:
		return do_hold(holder, request, true);
	case VENDOR_IOC_NOTICES:
		request->sum = atomic_read(&holder->notices);
		return 0;
	case VENDOR_IOC_HELD_DMA:
		return do_held_dma(holder, request, true);
	case VENDOR_IOC_START:
		return do_held_dma(holder, request, false);
	case VENDOR_IOC_IMPORT_DMA:
		return do_import(request, false);
	case VENDOR_IOC_IMPORT_SUM:
		return do_import(request, true);
	default:
		return -ENOTTY;
	}
}

static int run(struct holder *holder, unsigned int cmd, void __user *user)
{
	struct vendor_request request;
	int err;

	if (cmd == VENDOR_IOC_WAIT)
		return wait_until_done();
	if (cmd == VENDOR_IOC_RELEASE) {
		release_held(holder);
		return 0;
	}
	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	err = do_request(holder, cmd, &request);
	if (!err && copy_to_user(user, &request, sizeof(request)))
		err = -EFAULT;
	return err;
}

static long vendor_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	long err;

	mutex_lock(&lock);
	err = run(file->private_data, cmd, (void __user *)arg);
	mutex_unlock(&lock);
	return err;
}

static int vendor_open(struct inode *inode, struct file *file)
{
	struct holder *holder = kzalloc(sizeof(*holder), GFP_KERNEL);

	if (!holder)
		return -ENOMEM;
	INIT_WORK(&holder->release, release_revoked);
	file->private_data = holder;
	return 0;
}

/* Waits until the device has finished with the memory, before anybody else can get it. */
static int vendor_release(struct inode *inode, struct file *file)
{
	struct holder *holder = file->private_data;

	mutex_lock(&lock);
	release_held(holder);
	mutex_unlock(&lock);
	/* The range is put, so no notice can arrive that would queue this work again. */
	cancel_work_sync(&holder->release);
	kfree(holder);
	return 0;
}

static const struct file_operations vendor_fops = {
	.owner = THIS_MODULE,
	.open = vendor_open,
	.release = vendor_release,
	.unlocked_ioctl = vendor_ioctl,
};

static struct miscdevice vendor_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vendor_sample",
	.fops = &vendor_fops,
};

static int vendor_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int err = pcim_enable_device(pdev);

	if (err)
		return err;
	pci_set_master(pdev);
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	registers = pcim_iomap(pdev, 0, 0);
	if (!registers)
		return -ENOMEM;
	edu = pdev;
	return misc_register(&vendor_dev);
}

static void vendor_remove(struct pci_dev *pdev)
{
	misc_deregister(&vendor_dev);
}

static const struct pci_device_id vendor_ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, {} };

static struct pci_driver vendor_driver = {
	.name = "vendor_sample",
	.id_table = vendor_ids,
	.probe = vendor_probe,
	.remove = vendor_remove,
};
module_pci_driver(vendor_driver);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS(DMA_BUF);
#else
MODULE_IMPORT_NS("DMA_BUF");
#endif
PINNED_MEM_IMPORT_NS;
MODULE_DESCRIPTION("Sample of a vendor's driver on pinned_mem, for QEMU's edu device");
MODULE_LICENSE("GPL");

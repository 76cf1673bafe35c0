// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for QEMU's edu device that is built on pinned_mem. The card reads and writes a program's
 * memory directly, given its address, without a copy and without get_user_pages(). Registers are
 * from QEMU's documentation of the device.
 *
 * The card makes one transfer at a time, under `lock`. A transfer holds a range of pinned_mem from
 * before the card is started until after it has stopped. The program may free its memory, fork or
 * die meanwhile; nobody else gets the memory until the range is released.
 */
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <pinned_mem_kernel.h>

#include "edu_pinned.h"

#define REG_DMA_SOURCE 0x80
#define REG_DMA_DESTINATION 0x88
#define REG_DMA_COUNT 0x90
#define REG_DMA_COMMAND 0x98
#define DMA_RUN 0x1
#define DMA_TO_MEMORY 0x2
#define CARD_BUFFER 0x40000

/* A transfer takes a tenth of a second. */
#define TIMEOUT_US (5 * USEC_PER_SEC)

static DEFINE_MUTEX(lock);
static struct pci_dev *card; /* NULL while there is no card; protected by the lock */
static void __iomem *registers;

/* Transfers one piece of contiguous DMA addresses. */
static int transfer_piece(dma_addr_t addr, u32 length, u32 at, bool from_card)
{
	u64 buffer = CARD_BUFFER + at;
	u32 command;

	writeq(from_card ? buffer : addr, registers + REG_DMA_SOURCE);
	writeq(from_card ? addr : buffer, registers + REG_DMA_DESTINATION);
	writeq(length, registers + REG_DMA_COUNT);
	writeq(DMA_RUN | (from_card ? DMA_TO_MEMORY : 0), registers + REG_DMA_COMMAND);
	return readl_poll_timeout(registers + REG_DMA_COMMAND, command, !(command & DMA_RUN), 1000,
				  TIMEOUT_US);
}

static int transfer_range(struct pinned_mem_range *range, bool from_card)
{
	enum dma_data_direction dir = from_card ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
	struct sg_table *sgt = pinned_mem_range_map(range, &card->dev, dir);
	struct scatterlist *sg;
	u32 done = 0;
	int i, err = 0;

	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	for_each_sgtable_dma_sg(sgt, sg, i) {
		err = transfer_piece(sg_dma_address(sg), sg_dma_len(sg), done, from_card);
		if (err) {
			/* The card must not write after the memory is released. */
			pci_clear_master(card);
			break;
		}
		done += sg_dma_len(sg);
	}
	pinned_mem_range_unmap(range, &card->dev, sgt, dir);
	return err;
}

static long edu_pinned_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct edu_pinned_transfer request;
	struct pinned_mem_range *range;
	long err;

	if (cmd != EDU_PINNED_IOC_TRANSFER)
		return -ENOTTY;
	if (copy_from_user(&request, (void __user *)arg, sizeof(request)))
		return -EFAULT;
	if (!request.length || request.length > EDU_PINNED_MAX || request.from_card > 1)
		return -EINVAL;
	range = pinned_mem_range_get(NULL, request.addr, request.length,
				     request.from_card ? PINNED_MEM_RANGE_WRITE : 0);
	if (IS_ERR(range))
		return PTR_ERR(range);
	mutex_lock(&lock);
	err = card ? transfer_range(range, request.from_card) : -ENODEV;
	mutex_unlock(&lock);
	pinned_mem_range_put(range);
	return err;
}

static const struct file_operations edu_pinned_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = edu_pinned_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice edu_pinned_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "edu_pinned",
	.fops = &edu_pinned_fops,
};

static int edu_pinned_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int err = pcim_enable_device(pdev);

	if (err)
		return err;
	pci_set_master(pdev);
	/* The card's addressing limit is set by `-device edu,dma_mask=...`; here it has none. */
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	mutex_lock(&lock);
	err = card ? -EBUSY : 0; /* one card is enough for an example */
	if (err)
		goto out_unlock;
	registers = pcim_iomap(pdev, 0, 0);
	err = registers ? misc_register(&edu_pinned_dev) : -ENOMEM;
	if (!err)
		card = pdev;
out_unlock:
	mutex_unlock(&lock);
	return err;
}

/* Removes the card. Waits for a running transfer; later transfers by open files find no card. */
static void edu_pinned_remove(struct pci_dev *pdev)
{
	misc_deregister(&edu_pinned_dev);
	mutex_lock(&lock);
	card = NULL;
	mutex_unlock(&lock);
}

static const struct pci_device_id edu_pinned_ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, {} };
MODULE_DEVICE_TABLE(pci, edu_pinned_ids);

static struct pci_driver edu_pinned_driver = {
	.name = "edu_pinned",
	.id_table = edu_pinned_ids,
	.probe = edu_pinned_probe,
	.remove = edu_pinned_remove,
};
module_pci_driver(edu_pinned_driver);

PINNED_MEM_IMPORT_NS;
MODULE_DESCRIPTION("DMA to and from programs' own memory, for QEMU's edu device");
MODULE_LICENSE("GPL");

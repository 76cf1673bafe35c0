// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/pinned_mem: open creates a pool, and dropping the last reference to the file destroys it.
 *
 * The file's f_mapping is the pool's own, not the device node's, so that zapping one pool's
 * mappings does not affect another pool's. fops.owner keeps the module loaded while a file or one
 * of its mappings exists.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <uapi/pinned_mem.h>

#include "dev.h"
#include "ioctl.h"
#include "map.h"
#include "pin.h"
#include "pool.h"

static int dev_open(struct inode *inode, struct file *file)
{
	struct pinned_pool *pool;

	/* A pool belongs to an address space, which kernel threads lack. */
	if (!current->mm)
		return -EINVAL;
	pool = pinned_pool_create();
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	pinned_pins_init(pool);
	file->private_data = pool;
	file->f_mapping = pool->inode->i_mapping;
	return nonseekable_open(inode, file);
}

/*
 * Called whenever a process closes a descriptor, also by exit or exec, and then after the process
 * has left its address space.
 */
static int dev_flush(struct file *file, fl_owner_t id)
{
	pinned_view_check_owner(file->private_data);
	return 0;
}

static int dev_release(struct inode *inode, struct file *file)
{
	pinned_pins_destroy(file->private_data);
	pinned_pool_destroy(file->private_data);
	return 0;
}

static int dev_mmap(struct file *file, struct vm_area_struct *vma)
{
	return pinned_map_pool(file->private_data, vma);
}

static void dev_show_fdinfo(struct seq_file *seq, struct file *file)
{
	pinned_pool_show(seq, file->private_data);
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.open = dev_open,
	.flush = dev_flush,
	.release = dev_release,
	.mmap = dev_mmap,
	.fsync = noop_fsync, /* for msync() */
	.unlocked_ioctl = pinned_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = dev_show_fdinfo,
};

static struct miscdevice dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pinned_mem",
	.fops = &dev_fops,
	.mode = 0660,
};

int pinned_dev_init(void)
{
	int err;

	dev.groups = pinned_sysfs_init();
	if (!dev.groups)
		return -ENOMEM;
	err = misc_register(&dev);
	if (err) {
		pinned_sysfs_exit();
		return err;
	}
	dev_info(dev.this_device, "version %s, ABI %d\n", PINNED_MEM_VERSION,
		 PINNED_MEM_ABI_VERSION);
	return 0;
}

void pinned_dev_exit(void)
{
	misc_deregister(&dev);
	pinned_sysfs_exit();
}

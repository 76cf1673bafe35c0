// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinned_mem: large, physically contiguous, never-paged memory for programs
 * whose buffers a device reads and writes by physical address. Here is the
 * order in which the parts come up, and the mirror in which they go down.
 */
#include <linux/module.h>

#include "dev.h"
#include "quota.h"

static int __init pinned_mem_init(void)
{
	pinned_quota_init();
	return pinned_dev_init();
}

static void __exit pinned_mem_exit(void)
{
	pinned_dev_exit();
}

module_init(pinned_mem_init);
module_exit(pinned_mem_exit);

MODULE_DESCRIPTION("Pinned, physically contiguous memory for accelerators");
MODULE_AUTHOR("pinned-mem");
MODULE_VERSION(PINNED_MEM_VERSION);
MODULE_LICENSE("GPL");

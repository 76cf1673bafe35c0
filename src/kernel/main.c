// SPDX-License-Identifier: GPL-2.0-only
/*
 * pinned_mem: large, physically contiguous, never-paged memory for programs whose buffers a device
 * reads and writes by physical address. This file initializes the parts of the driver in order, and
 * shuts them down in the reverse order.
 */
#include <linux/module.h>

#include "carveout.h"
#include "debugfs.h"
#include "dev.h"
#include "memtype.h"
#include "quarantine.h"
#include "limits.h"
#include "pin.h"
#include "record.h"
#include "reserve.h"

static int __init pinned_mem_init(void)
{
	int err;

	pinned_limits_init();
	err = pinned_record_init();
	if (err)
		return err;
	err = pinned_memtype_init();
	if (err)
		goto err_record;
	err = pinned_quarantine_init();
	if (err)
		goto err_memtype;
	err = pinned_carveout_init();
	if (err)
		goto err_quarantine;
	err = pinned_reserve_init();
	if (err)
		goto err_carveout;
	err = pinned_pin_init();
	if (err)
		goto err_reserve;
	err = pinned_dev_init();
	if (err)
		goto err_pin;
	pinned_debugfs_init();
	return 0;

err_pin:
	pinned_pin_exit();
err_reserve:
	pinned_reserve_exit();
err_carveout:
	pinned_carveout_exit();
err_quarantine:
	pinned_quarantine_exit();
err_memtype:
	pinned_memtype_exit();
err_record:
	pinned_record_exit();
	return err;
}

static void __exit pinned_mem_exit(void)
{
	pinned_debugfs_exit();
	pinned_dev_exit();
	pinned_pin_exit();
	/* Before the reserve, since the quarantine returns chunks to it. */
	pinned_quarantine_exit();
	pinned_reserve_exit();
	pinned_carveout_exit();
	pinned_memtype_exit();
	pinned_record_exit();
}

module_init(pinned_mem_init);
module_exit(pinned_mem_exit);

MODULE_DESCRIPTION("Pinned, physically contiguous memory for accelerators");
MODULE_AUTHOR("pinned-mem");
MODULE_VERSION(PINNED_MEM_VERSION);
MODULE_LICENSE("GPL");

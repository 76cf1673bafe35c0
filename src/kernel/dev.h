/* SPDX-License-Identifier: GPL-2.0-only */
/* The character device. */
#ifndef PINNED_MEM_DEV_H
#define PINNED_MEM_DEV_H

struct attribute_group;

int pinned_dev_init(void);
void pinned_dev_exit(void);

/* The attributes in /sys/class/misc/pinned_mem; defined in sysfs.c. */
const struct attribute_group **pinned_sysfs_init(void);
void pinned_sysfs_exit(void);

#endif /* PINNED_MEM_DEV_H */

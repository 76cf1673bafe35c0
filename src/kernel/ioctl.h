/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctl interface of the device. */
#ifndef PINNED_MEM_IOCTL_H
#define PINNED_MEM_IOCTL_H

struct file;

long pinned_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* PINNED_MEM_IOCTL_H */

/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The only request of /dev/edu_pinned: a transfer between a program's memory and the card's buffer.
 */
#ifndef EDU_PINNED_H
#define EDU_PINNED_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define EDU_PINNED_DEVICE "/dev/edu_pinned"

/*
 * The card's buffer has 4096 bytes; QEMU before 8.2.1 refuses a transfer that uses the last byte.
 */
#define EDU_PINNED_MAX 4032

/**
 * struct edu_pinned_transfer - one transfer, which ends before the request returns
 * @addr:	an address in the caller's pinned memory
 * @length:	bytes, from 1 to EDU_PINNED_MAX
 * @from_card:	1: the card writes the memory; 0: it reads the memory
 *
 * Errors: EINVAL for a wrong length or direction; ENXIO if the memory is not pinned (the caller
 * must copy); EFAULT if the memory is not mapped, or is not writable; ETIMEDOUT if the card does
 * not answer.
 */
struct edu_pinned_transfer {
	__u64 addr;
	__u32 length;
	__u32 from_card;
};

#define EDU_PINNED_IOC_TRANSFER _IOW(0xB9, 0, struct edu_pinned_transfer)

#endif /* EDU_PINNED_H */

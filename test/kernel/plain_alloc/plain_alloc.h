/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* The interface of the test module plain_alloc, which takes 2 MiB blocks as any driver might. */
#ifndef PLAIN_ALLOC_H
#define PLAIN_ALLOC_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PLAIN_ALLOC_DEVICE "/dev/plain_alloc"

#define PLAIN_ALLOC_FREE_ONLY 0 /* what is free: no reclaim, no compaction */
#define PLAIN_ALLOC_KERNEL 1	/* GFP_KERNEL | __GFP_NOWARN */

/**
 * struct plain_alloc - takes all blocks that the allocator gives
 * @effort:	in: PLAIN_ALLOC_*
 * @taken:	out: how many blocks the file got; it keeps them until PLAIN_ALLOC_IOC_GIVE
 */
struct plain_alloc {
	__u32 effort;
	__u32 taken;
};

#define PLAIN_ALLOC_IOC_TAKE _IOWR(0xB7, 1, struct plain_alloc)
#define PLAIN_ALLOC_IOC_GIVE _IO(0xB7, 2)

#endif /* PLAIN_ALLOC_H */

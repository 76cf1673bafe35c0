/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The interface of the test module page_attr, which reports how memory is cached, by the page
 * tables.
 */
#ifndef PAGE_ATTR_H
#define PAGE_ATTR_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PAGE_ATTR_DEVICE "/dev/page_attr"

/* Named as in the processor's tables; both kinds of x86's uncached are UNCACHED. */
#define PAGE_ATTR_NONE 0 /* not mapped */
#define PAGE_ATTR_WRITE_BACK 1
#define PAGE_ATTR_UNCACHED 2
#define PAGE_ATTR_WRITE_COMBINE 3
#define PAGE_ATTR_OTHER 4

/**
 * struct page_attr - how the memory at one address is cached
 * @addr:	in: a virtual address of the caller, or a physical one
 * @kernel:	in: 1: @addr is physical, report the kernel's own mapping of it
 * @attr:	out: PAGE_ATTR_*
 * @not_write_back: out: blocks of 2 MiB that were freed since the last call
 *		while the kernel's mapping of them was not write-back
 * @freed:	out: blocks of 2 MiB that were freed since the last call
 */
struct page_attr {
	__u64 addr;
	__u32 kernel;
	__u32 attr;
	__u32 not_write_back;
	__u32 freed;
};

#define PAGE_ATTR_IOC_GET _IOWR(0xB7, 0, struct page_attr)

#endif /* PAGE_ATTR_H */

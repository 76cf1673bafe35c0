/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* The requests of /dev/vendor_sample, an example of a vendor's driver for QEMU's edu device. */
#ifndef VENDOR_SAMPLE_H
#define VENDOR_SAMPLE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VENDOR_DEVICE "/dev/vendor_sample"

/* The maximum of one transfer; the device's buffer is 4096 bytes, see examples/edu. */
#define VENDOR_TRANSFER_MAX 4032

/**
 * struct vendor_request - one transfer between memory and the device's buffer
 * @addr:	the memory: an address of process @pid, or an offset in the memory
 *		that HOLD holds or in a dma-buf
 * @length:	bytes; for transfers at most VENDOR_TRANSFER_MAX
 * @to_memory:	1: the device writes memory; 0: it reads memory
 * @fd:		the dma-buf
 * @pid:	the process to which @addr belongs; 0: the caller
 * @segments:	out: how many DMA addresses the transfer needed
 * @sum:	out, for SUM only: the sum of the bytes
 */
struct vendor_request {
	__u64 addr;
	__u32 length;
	__u32 to_memory;
	__s32 fd;
	__s32 pid;
	__u32 segments;
	__u32 reserved;
	__u64 sum;
};

/* Transfer and wait. */
#define VENDOR_IOC_DMA _IOWR(0xB8, 0, struct vendor_request)
/* Hold a range of memory, mapped for the device, until RELEASE or close. */
#define VENDOR_IOC_HOLD _IOWR(0xB8, 1, struct vendor_request)
/* Transfer from or to the held memory; START does not wait, WAIT does. */
#define VENDOR_IOC_HELD_DMA _IOWR(0xB8, 2, struct vendor_request)
#define VENDOR_IOC_START _IOWR(0xB8, 3, struct vendor_request)
#define VENDOR_IOC_WAIT _IO(0xB8, 4)
#define VENDOR_IOC_RELEASE _IO(0xB8, 5)
/* Import a dma-buf: transfer, or sum its bytes through the kernel's mapping. */
#define VENDOR_IOC_IMPORT_DMA _IOWR(0xB8, 6, struct vendor_request)
#define VENDOR_IOC_IMPORT_SUM _IOWR(0xB8, 7, struct vendor_request)
/*
 * Hold, as HOLD does, and be told when the owner lets go of the memory. With @to_memory 1, the
 * driver then releases the memory; with 0 it keeps the memory. NOTICES sets @sum to the number of
 * notices.
 */
#define VENDOR_IOC_HOLD_REVOCABLE _IOWR(0xB8, 8, struct vendor_request)
#define VENDOR_IOC_NOTICES _IOWR(0xB8, 9, struct vendor_request)

#endif /* VENDOR_SAMPLE_H */

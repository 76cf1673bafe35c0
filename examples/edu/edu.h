/* SPDX-License-Identifier: MIT */
/*
 * A user-space driver for QEMU's educational PCI device (docs/specs/edu in QEMU):
 * finds it in sysfs, maps its registers, and moves up to EDU_TRANSFER_MAX bytes by
 * DMA between memory and the device's own buffer. Where the device is bound to
 * vfio-pci it is reached by VFIO, without root, and addresses are I/O addresses;
 * else by sysfs, and they are physical ones.
 *
 * Not thread-safe, and one process at a time: callers take edu_lock().
 */
#ifndef EDU_H
#define EDU_H

#include <stddef.h>
#include <stdint.h>

/*
 * The most that one transfer moves. The device's buffer has 4096 bytes, but QEMU
 * before 8.2.1 takes a transfer that uses the last one for a fault and stops.
 */
#define EDU_TRANSFER_MAX 4032

struct edu;

/* By sysfs needs root. Return: the device; NULL with errno, ENODEV if there is none, EBUSY if another process has it by VFIO. */
struct edu *edu_open(void);
void edu_close(struct edu *edu);

/* The VFIO container, for pinned_device_attach(); -1 if the device is reached by sysfs. */
int edu_container(const struct edu *edu);

/* Exclusive use among processes that opened the device. Return: 0, or -1 with errno. */
int edu_lock(struct edu *edu);
void edu_unlock(struct edu *edu);

/* Memory at @address into the device, and the device's buffer into memory. Return: 0, or -1 with errno. */
int edu_read_memory(struct edu *edu, uint64_t address, size_t len);
int edu_write_memory(struct edu *edu, uint64_t address, size_t len);

/* The second one in two steps. Return: 0, or -1 with errno. */
int edu_start_write_memory(struct edu *edu, uint64_t address, size_t len);
int edu_wait(struct edu *edu);

#endif /* EDU_H */

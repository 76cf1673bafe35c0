/* SPDX-License-Identifier: MIT */
/*
 * A user-space driver for QEMU's educational PCI device (docs/specs/edu in QEMU). The driver finds
 * the device in sysfs, maps its registers, and moves up to EDU_TRANSFER_MAX bytes by DMA between
 * memory and the device's own buffer. If the device is bound to vfio-pci, then it is accessed
 * through VFIO, without root, and addresses are I/O addresses; else it is accessed through sysfs,
 * and addresses are physical.
 *
 * Not thread-safe. One process at a time may use the device: callers take edu_lock().
 */
#ifndef EDU_H
#define EDU_H

#include <stddef.h>
#include <stdint.h>

/*
 * The largest transfer. The device's buffer has 4096 bytes, but QEMU before 8.2.1 treats a transfer
 * that uses the last byte as a fault and stops.
 */
#define EDU_TRANSFER_MAX 4032

struct edu;

/*
 * Access through sysfs needs root. Return: the device; NULL with errno, ENODEV if there is none,
 * EBUSY if another process has it open through VFIO.
 */
struct edu *edu_open(void);
void edu_close(struct edu *edu);

/* Returns the VFIO container, for pinned_device_attach(); -1 if access is through sysfs. */
int edu_container(const struct edu *edu);

/* Excludes other processes that opened the device. Return: 0, or -1 with errno. */
int edu_lock(struct edu *edu);
void edu_unlock(struct edu *edu);

/*
 * The device copies memory at @address into its buffer, or its buffer into memory at @address.
 * Return: 0, or -1 with errno.
 */
int edu_read_memory(struct edu *edu, uint64_t address, size_t len);
int edu_write_memory(struct edu *edu, uint64_t address, size_t len);

/* edu_write_memory() in two steps, start and wait. Return: 0, or -1 with errno. */
int edu_start_write_memory(struct edu *edu, uint64_t address, size_t len);
int edu_wait(struct edu *edu);

#endif /* EDU_H */

/* SPDX-License-Identifier: MIT */
/*
 * What the tests of devices behind an IOMMU share. Each is root only to look: it gives
 * QEMU's edu device to a user by examples/common/vfio/give-device's steps, and a child that is that user, with
 * no right to anybody's memory or physical addresses, does what there is to do.
 */
#ifndef USER_H
#define USER_H

#include "guest.h"

#include "edu.h"
#include "pinned.h"

#define USER 1000
/* What the user may lock, for VFIO. */
#define LOCKED_MAX ((size_t)512 << 20)

/* Give edu to the user, tell nobody physical addresses, and note where the kernel's log ends. */
void give_edu(void);
/* From here on a user like any other. */
void become_user(void);
/* As the user: open the device, attach it. */
struct edu *open_attached(struct pinned_device **device);

/* @len bytes at @from, filled, through the device to @to: must be equal. Counts them. */
void through_the_device(struct edu *edu, const struct pinned_device *device, const char *from,
			char *to, size_t len);
/* The device reads there, and does not get what memory has; it writes there, and nothing changes. */
void blocked(struct edu *edu, const struct pinned_device *device, uint64_t address,
	     const char *memory, char *scratch);
/* The device writes there until the kernel reports that it was blocked: reports are limited in rate. */
void write_until_reported(struct edu *edu, uint64_t address);

/* The line that says how many bytes the device moved. */
void print_result(const char *program);

#endif

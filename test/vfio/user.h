/* SPDX-License-Identifier: MIT */
/*
 * Common functions of the tests of devices behind an IOMMU. Each test uses root only for setup: it
 * gives QEMU's edu device to a user, by the steps of examples/common/vfio/give-device. A child then
 * runs as that user, without any right to others' memory or to physical addresses, and does the
 * test.
 */
#ifndef USER_H
#define USER_H

#include "guest.h"

#include "edu.h"
#include "pinned.h"

#define USER 1000
/* How much memory the user may lock for VFIO. */
#define LOCKED_MAX ((size_t)512 << 20)

/*
 * Gives edu to the user, hides physical addresses from everybody, and notes where the kernel log
 * ends.
 */
void give_edu(void);
/* Drops root's rights: from here on the process is the user's. */
void become_user(void);
/* Opens the device as the user, and attaches it. */
struct edu *open_attached(struct pinned_device **device);

/*
 * Copies @len filled bytes from @from through the device to @to, checks that they are equal, and
 * counts them.
 */
void through_the_device(struct edu *edu, const struct pinned_device *device, const char *from,
			char *to, size_t len);
/* Checks that the device can neither read the memory at @address nor change it. */
void blocked(struct edu *edu, const struct pinned_device *device, uint64_t address,
	     const char *memory, char *scratch);
/*
 * Lets the device write to @address until the kernel reports a blocked access: it limits the rate
 * of reports.
 */
void write_until_reported(struct edu *edu, uint64_t address);

/* Prints the line that says how many bytes the device moved. */
void print_result(const char *program);

#endif

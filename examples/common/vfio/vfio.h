/* SPDX-License-Identifier: MIT */
/*
 * Access to a PCI device through VFIO, after an administrator has bound the device to vfio-pci and
 * given /dev/vfio/GROUP to the user. No function needs root. Pass the container to
 * pinned_device_attach(); nothing here maps memory for the device.
 *
 * A forked child must not use these functions: the device belongs to the parent, and so do the
 * descriptors. A child that does not call exec should close them.
 */
#ifndef EXAMPLES_VFIO_H
#define EXAMPLES_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct vfio_device {
	int container;
	int group;
	int device;
};

/* Returns whether the device @name, as in /sys/bus/pci/devices, is bound to vfio-pci. */
bool vfio_has(const char *name);

/*
 * Opens the device @name and its group, and puts the group into a new container, whose IOMMU is
 * set. Return: 0; -1 with errno, EBUSY if another process has the group open or a device of the
 * group is bound to another kernel driver.
 */
int vfio_open(struct vfio_device *vfio, const char *name);
/* Closes the device. The kernel then resets the device and ends its DMA. */
void vfio_close(struct vfio_device *vfio);

/* Maps the registers of a BAR; forked children do not inherit them. Return: NULL with errno. */
void *vfio_map_bar(struct vfio_device *vfio, unsigned int bar, size_t *size);

/* Read and write the configuration space. Return: as pread() and pwrite(). */
ssize_t vfio_read_config(struct vfio_device *vfio, void *to, size_t size, off_t offset);
ssize_t vfio_write_config(struct vfio_device *vfio, const void *from, size_t size, off_t offset);

#endif /* EXAMPLES_VFIO_H */

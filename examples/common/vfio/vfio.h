/* SPDX-License-Identifier: MIT */
/*
 * A PCI device by VFIO: what a user-space driver does with the device once an administrator has
 * bound it to vfio-pci and given /dev/vfio/GROUP to the user. No function needs root. The container is what
 * pinned_device_attach() wants; no memory is mapped here.
 *
 * Not for forked children: the device is its parent's, and so are the descriptors, which a child that
 * lives on should close.
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

/* Has @name, as in /sys/bus/pci/devices, the driver vfio-pci? */
bool vfio_has(const char *name);

/* Return: 0; -1 with errno: EBUSY, another process has the group, or a device of it has a driver of the kernel's. */
int vfio_open(struct vfio_device *vfio, const char *name);
/* The kernel resets the device and ends its DMA. */
void vfio_close(struct vfio_device *vfio);

/* The registers behind a BAR, which are not given to children. Return: NULL with errno. */
void *vfio_map_bar(struct vfio_device *vfio, unsigned int bar, size_t *size);

/* Configuration space. Return: as pread() and pwrite(). */
ssize_t vfio_read_config(struct vfio_device *vfio, void *to, size_t size, off_t offset);
ssize_t vfio_write_config(struct vfio_device *vfio, const void *from, size_t size, off_t offset);

#endif /* EXAMPLES_VFIO_H */

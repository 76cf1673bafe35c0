// SPDX-License-Identifier: MIT
/* See vfio.h. The order of the steps follows the kernel's Documentation/driver-api/vfio.rst. */
#define _GNU_SOURCE
#include "vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PCI_DEVICES "/sys/bus/pci/devices"

/*
 * Stores the last component of the link's target in @last. Returns false if there is no such link.
 */
static bool read_link(const char *name, const char *link, char *last, size_t size)
{
	char path[512], target[512];
	const char *slash;
	ssize_t len;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", name, link);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	slash = strrchr(target, '/');
	if (!slash || strlen(slash + 1) >= size)
		return false;
	strcpy(last, slash + 1);
	return true;
}

bool vfio_has(const char *name)
{
	char driver[64];

	return read_link(name, "driver", driver, sizeof(driver)) && !strcmp(driver, "vfio-pci");
}

static int open_group(const char *name)
{
	char number[32], path[64];

	if (!read_link(name, "iommu_group", number, sizeof(number))) {
		errno = ENODEV;
		return -1;
	}
	snprintf(path, sizeof(path), "/dev/vfio/%s", number);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* Devices of a group can access each other, so all of them must be bound to VFIO. */
static int check_group(int group)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	if (ioctl(group, VFIO_GROUP_GET_STATUS, &status))
		return -1;
	if (status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return 0;
	errno = EBUSY;
	return -1;
}

int vfio_open(struct vfio_device *vfio, const char *name)
{
	int saved;

	*vfio = (struct vfio_device){ -1, -1, -1 };
	vfio->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (vfio->container < 0)
		return -1;
	vfio->group = open_group(name);
	if (vfio->group < 0 || check_group(vfio->group) ||
	    ioctl(vfio->group, VFIO_GROUP_SET_CONTAINER, &vfio->container) ||
	    ioctl(vfio->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		goto err_close;
	vfio->device = ioctl(vfio->group, VFIO_GROUP_GET_DEVICE_FD, name);
	if (vfio->device >= 0)
		return 0;

err_close:
	saved = errno;
	vfio_close(vfio);
	errno = saved;
	return -1;
}

void vfio_close(struct vfio_device *vfio)
{
	const int fds[] = { vfio->device, vfio->group, vfio->container };

	for (size_t i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*vfio = (struct vfio_device){ -1, -1, -1 };
}

static int find_region(struct vfio_device *vfio, unsigned int index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(vfio->device, VFIO_DEVICE_GET_REGION_INFO, info);
}

void *vfio_map_bar(struct vfio_device *vfio, unsigned int bar, size_t *size)
{
	struct vfio_region_info info;
	void *at;

	if (find_region(vfio, VFIO_PCI_BAR0_REGION_INDEX + bar, &info))
		return NULL;
	if (!info.size || !(info.flags & VFIO_REGION_INFO_FLAG_MMAP)) {
		errno = ENXIO;
		return NULL;
	}
	at = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, vfio->device,
		  (off_t)info.offset);
	if (at == MAP_FAILED)
		return NULL;
	madvise(at, info.size, MADV_DONTFORK);
	*size = info.size;
	return at;
}

ssize_t vfio_read_config(struct vfio_device *vfio, void *to, size_t size, off_t offset)
{
	struct vfio_region_info info;

	if (find_region(vfio, VFIO_PCI_CONFIG_REGION_INDEX, &info))
		return -1;
	return pread(vfio->device, to, size, (off_t)info.offset + offset);
}

ssize_t vfio_write_config(struct vfio_device *vfio, const void *from, size_t size, off_t offset)
{
	struct vfio_region_info info;

	if (find_region(vfio, VFIO_PCI_CONFIG_REGION_INDEX, &info))
		return -1;
	return pwrite(vfio->device, from, size, (off_t)info.offset + offset);
}

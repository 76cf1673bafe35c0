/* SPDX-License-Identifier: MIT */
/* What the examples' drivers ask sysfs about PCI devices; a device is named by its address there. */
#ifndef EXAMPLES_PCI_SYSFS_H
#define EXAMPLES_PCI_SYSFS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define PCI_DEVICES "/sys/bus/pci/devices"

/* A file of the device's; -1 and errno as open() has it. */
static inline int pci_sysfs_open(const char *device, const char *file, int flags)
{
	char path[512];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", device, file);
	return open(path, flags | O_CLOEXEC);
}

/* The number in the file "vendor" or "device"; 0 if it cannot be read. */
static inline unsigned int pci_sysfs_id(const char *device, const char *file)
{
	char text[16] = "";
	unsigned int id = 0;
	int fd = pci_sysfs_open(device, file, O_RDONLY);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) > 0 && sscanf(text, "%x", &id) != 1)
		id = 0;
	close(fd);
	return id;
}

/* Does a driver of the kernel's have it? */
static inline bool pci_sysfs_has_driver(const char *device)
{
	char path[512];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver", device);
	return !access(path, F_OK);
}

#endif /* EXAMPLES_PCI_SYSFS_H */

/* SPDX-License-Identifier: MIT */
/* What the examples' drivers read from sysfs about PCI devices; @device is the PCI address. */
#ifndef EXAMPLES_PCI_SYSFS_H
#define EXAMPLES_PCI_SYSFS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define PCI_DEVICES "/sys/bus/pci/devices"

/* Opens a file of the device. Return: as open(). */
static inline int pci_sysfs_open(const char *device, const char *file, int flags)
{
	char path[512];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", device, file);
	return open(path, flags | O_CLOEXEC);
}

/* Returns the number in the file "vendor" or "device"; 0 if the file cannot be read. */
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

/* Returns whether a kernel driver is bound to the device. */
static inline bool pci_sysfs_has_driver(const char *device)
{
	char path[512];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver", device);
	return !access(path, F_OK);
}

#endif /* EXAMPLES_PCI_SYSFS_H */

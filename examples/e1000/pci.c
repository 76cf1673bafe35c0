// SPDX-License-Identifier: MIT
/* PCI by sysfs or VFIO. Whoever has the lock of a device's file "config", or its group of VFIO's, has the device. */
#define _GNU_SOURCE
#include "pci.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../sysfs_pci.h"
#include "../virtio-crypto/why.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
/* The descriptors of the one device that this process has; what a child of fork closes. */
static int held[3] = { -1, -1, -1 };
static bool is_forked;

static void hold(int a, int b, int c)
{
	held[0] = a;
	held[1] = b;
	held[2] = c;
}

static void let_go_in_child(void)
{
	if (held[0] < 0)
		return;
	for (size_t i = 0; i < 3; i++)
		if (held[i] >= 0)
			close(held[i]);
	hold(-1, -1, -1);
	is_forked = true;
}

static void watch_fork(void)
{
	pthread_atfork(NULL, NULL, let_go_in_child);
}

bool pci_is_forked(void)
{
	return is_forked;
}

static int take_by_vfio(struct pci *pci, const char *device)
{
	int error;

	if (vfio_open(&pci->vfio, device))
		return why_fail(errno, "%s: cannot be had by VFIO: %s", device, strerror(errno));
	pci->device = pinned_device_attach(pci->vfio.container, NULL);
	if (!pci->device) {
		error = errno;
		vfio_close(&pci->vfio);
		return why_fail(error, "%s: memory cannot be attached: %s", device,
				strerror(error));
	}
	pci->lock = -1;
	hold(pci->vfio.container, pci->vfio.group, pci->vfio.device);
	return 0;
}

static int take_by_sysfs(struct pci *pci, const char *device)
{
	if (sysfs_pci_has_driver(device))
		return why_fail(EBUSY,
				"%s has a driver of the kernel's: "
				"echo %s >" PCI_DEVICES "/%s/driver/unbind",
				device, device, device);
	pci->lock = sysfs_pci_open(device, "config", O_RDWR);
	if (pci->lock < 0)
		return why_fail(errno, "%s: cannot open its configuration space: %s", device,
				strerror(errno));
	if (flock(pci->lock, LOCK_EX | LOCK_NB)) {
		close(pci->lock);
		return why_fail(EBUSY, "%s is in use by another process", device);
	}
	hold(pci->lock, -1, -1);
	return 0;
}

static int take(struct pci *pci, const char *device)
{
	if (vfio_has(device) ? take_by_vfio(pci, device) : take_by_sysfs(pci, device))
		return -1;
	snprintf(pci->name, sizeof(pci->name), "%.*s", (int)sizeof(pci->name) - 1, device);
	return 0;
}

static void give_back(struct pci *pci)
{
	hold(-1, -1, -1);
	if (pci->device) {
		pinned_device_detach(pci->device);
		vfio_close(&pci->vfio);
		return;
	}
	/* A child that has just been forked may still have the descriptor. */
	flock(pci->lock, LOCK_UN);
	close(pci->lock);
}

static int find(struct pci *pci, unsigned int vendor, unsigned int device)
{
	DIR *dir = opendir(PCI_DEVICES);
	struct dirent *entry;
	int error = ENODEV;

	if (!dir)
		return why_fail(errno, "%s: %s", PCI_DEVICES, strerror(errno));
	why_fail(error, "there is no device %04x:%04x", vendor, device);
	while (error && (entry = readdir(dir)))
		if (sysfs_pci_id(entry->d_name, "vendor") == vendor &&
		    sysfs_pci_id(entry->d_name, "device") == device)
			error = take(pci, entry->d_name) ? errno : 0;
	closedir(dir);
	errno = error;
	return error ? -1 : 0;
}

static ssize_t read_config(struct pci *pci, void *to, size_t size, off_t offset)
{
	return pci->device ? vfio_read_config(&pci->vfio, to, size, offset)
			   : pread(pci->lock, to, size, offset);
}

static ssize_t write_config(struct pci *pci, const void *from, size_t size, off_t offset)
{
	return pci->device ? vfio_write_config(&pci->vfio, from, size, offset)
			   : pwrite(pci->lock, from, size, offset);
}

/* Registers on, the interrupt line off: rings are polled. */
int pci_set_master(struct pci *pci, bool is_master)
{
	uint16_t command;

	if (read_config(pci, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		return why_fail(EIO, "%s: cannot read its PCI command register", pci->name);
	command &= (uint16_t)~htole16(PCI_COMMAND_MASTER);
	command |= htole16(PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	if (is_master)
		command |= htole16(PCI_COMMAND_MASTER);
	if (write_config(pci, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		return why_fail(EIO, "%s: cannot write its PCI command register", pci->name);
	return 0;
}

static int map_by_vfio(struct pci *pci)
{
	pci->registers = vfio_map_bar(&pci->vfio, 0, &pci->len);
	return pci->registers ? 0 : why_fail(errno, "%s: cannot map its registers", pci->name);
}

static int map_by_sysfs(struct pci *pci)
{
	struct stat status;
	void *at = MAP_FAILED;
	int fd = sysfs_pci_open(pci->name, "resource0", O_RDWR), error;

	if (fd >= 0 && !fstat(fd, &status))
		at = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	error = errno;
	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED)
		return why_fail(error, "%s: cannot map resource0: %s", pci->name, strerror(error));
	/* A child must not reach the registers of its parent's device. */
	madvise(at, (size_t)status.st_size, MADV_DONTFORK);
	pci->registers = at;
	pci->len = (size_t)status.st_size;
	return 0;
}

int pci_open(struct pci *pci, unsigned int vendor, unsigned int device)
{
	int error;

	pthread_once(&once, watch_fork);
	memset(pci, 0, sizeof(*pci));
	if (held[0] >= 0)
		return why_fail(EBUSY, "this process has a device already");
	if (find(pci, vendor, device))
		return -1;
	is_forked = false;
	if (!pci_set_master(pci, false) && !(pci->device ? map_by_vfio(pci) : map_by_sysfs(pci)))
		return 0;
	error = errno;
	give_back(pci);
	errno = error;
	return -1;
}

void pci_close(struct pci *pci)
{
	if (is_forked)
		return;
	pci_set_master(pci, false);
	munmap((void *)(uintptr_t)pci->registers, pci->len);
	give_back(pci);
}

long pci_extents(const struct pci *pci, const void *memory, size_t len,
		 struct pinned_extent *extents, size_t count)
{
	if (pci->device)
		return pinned_dma_sg(pci->device, memory, len, extents, count);
	return pinned_v2p_sg(memory, len, extents, count);
}

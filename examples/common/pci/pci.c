// SPDX-License-Identifier: MIT
/*
 * See pci.h. A process owns a device while it holds the lock of the device's file "config" in
 * sysfs, or while it has the device's VFIO group open.
 */
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

#include "../why.h"
#include "sysfs.h"

/* Descriptors of this process, which a forked child closes. A device uses at most three. */
#define HELD_MAX 24
static int held[HELD_MAX] = { [0 ... HELD_MAX - 1] = -1 };
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned int forks;

static void let_go_in_child(void)
{
	forks++;
	for (int i = 0; i < HELD_MAX; i++)
		if (held[i] >= 0) {
			close(held[i]);
			held[i] = -1;
		}
}

static void watch_fork(void)
{
	pthread_atfork(NULL, NULL, let_go_in_child);
}

unsigned int pci_forks(void)
{
	return forks;
}

bool pci_is_forked(const struct pci *pci)
{
	return pci->forks != forks;
}

/* Replaces one entry @from of held[] by @to. Returns whether there was such an entry. */
static bool replace_held(int from, int to)
{
	for (int i = 0; i < HELD_MAX; i++) {
		int expected = from;

		if (__atomic_compare_exchange_n(&held[i], &expected, to, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return true;
	}
	return false;
}

static void let_go(int fd)
{
	replace_held(fd, -1);
}

/* Records @fd, so that a forked child closes it. Fails with EMFILE if held[] is full. */
static int hold(const char *device, int fd)
{
	if (replace_held(-1, fd))
		return 0;
	return why_fail(EMFILE, "%s: this process has too many devices", device);
}

static void close_vfio(struct pci *pci)
{
	pinned_device_detach(pci->device);
	let_go(pci->vfio.container);
	let_go(pci->vfio.group);
	let_go(pci->vfio.device);
	vfio_close(&pci->vfio);
}

static int take_by_vfio(struct pci *pci, const char *device)
{
	int error;

	if (vfio_open(&pci->vfio, device))
		return why_fail(errno, "%s: cannot be had by VFIO: %s", device, strerror(errno));
	pci->lock = -1;
	pci->device = pinned_device_attach(pci->vfio.container, NULL);
	if (!pci->device) {
		error = errno;
		vfio_close(&pci->vfio);
		return why_fail(error, "%s: memory cannot be attached: %s", device,
				strerror(error));
	}
	if (!hold(device, pci->vfio.container) && !hold(device, pci->vfio.group) &&
	    !hold(device, pci->vfio.device))
		return 0;
	close_vfio(pci);
	pci->device = NULL;
	errno = EMFILE;
	return -1;
}

static void close_lock(struct pci *pci)
{
	let_go(pci->lock);
	/* Unlock explicitly: a child that was just forked may still have the descriptor open. */
	flock(pci->lock, LOCK_UN);
	close(pci->lock);
}

static int take_by_sysfs(struct pci *pci, const char *device)
{
	int error = 0;

	if (pci_sysfs_has_driver(device))
		return why_fail(EBUSY,
				"%s has a driver of the kernel's: "
				"echo %s >" PCI_DEVICES "/%s/driver/unbind",
				device, device, device);
	pci->lock = pci_sysfs_open(device, "config", O_RDWR);
	if (pci->lock < 0)
		return why_fail(errno, "%s: cannot open its configuration space: %s", device,
				strerror(errno));
	if (flock(pci->lock, LOCK_EX | LOCK_NB))
		error = why_fail(EBUSY, "%s is in use by another process", device);
	if (!error && !hold(device, pci->lock))
		return 0;
	error = errno;
	close_lock(pci);
	errno = error;
	return -1;
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
	for (int i = 0; i < PCI_BARS; i++)
		if (pci->bars[i])
			munmap(pci->bars[i], pci->bar_lens[i]);
	if (pci->device)
		close_vfio(pci);
	else
		close_lock(pci);
}

static int find(struct pci *pci, unsigned int vendor, unsigned int device, const char *what)
{
	DIR *dir = opendir(PCI_DEVICES);
	struct dirent *entry;
	int error = ENODEV;

	if (!dir)
		return why_fail(errno, "%s: %s", PCI_DEVICES, strerror(errno));
	why_fail(error, "there is no %s", what);
	while (error && (entry = readdir(dir)))
		if (pci_sysfs_id(entry->d_name, "vendor") == vendor &&
		    pci_sysfs_id(entry->d_name, "device") == device)
			error = take(pci, entry->d_name) ? errno : 0;
	closedir(dir);
	errno = error;
	return error ? -1 : 0;
}

int pci_open(struct pci *pci, unsigned int vendor, unsigned int device, const char *what)
{
	int error;

	pthread_once(&once, watch_fork);
	memset(pci, 0, sizeof(*pci));
	pci->forks = forks;
	if (find(pci, vendor, device, what))
		return -1;
	if (!pci_set_master(pci, false))
		return 0;
	error = errno;
	give_back(pci);
	errno = error;
	return -1;
}

void pci_close(struct pci *pci)
{
	if (pci_is_forked(pci))
		return;
	pci_set_master(pci, false);
	give_back(pci);
}

ssize_t pci_read_config(struct pci *pci, void *to, size_t size, off_t offset)
{
	return pci->device ? vfio_read_config(&pci->vfio, to, size, offset)
			   : pread(pci->lock, to, size, offset);
}

static ssize_t write_config(struct pci *pci, const void *from, size_t size, off_t offset)
{
	return pci->device ? vfio_write_config(&pci->vfio, from, size, offset)
			   : pwrite(pci->lock, from, size, offset);
}

/* Also enables access to the registers, and disables the interrupt line since rings are polled. */
int pci_set_master(struct pci *pci, bool is_master)
{
	uint16_t command;

	if (pci_read_config(pci, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		return why_fail(EIO, "%s: cannot read its PCI command register", pci->name);
	command &= (uint16_t)~htole16(PCI_COMMAND_MASTER);
	command |= htole16(PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	if (is_master)
		command |= htole16(PCI_COMMAND_MASTER);
	if (write_config(pci, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		return why_fail(EIO, "%s: cannot write its PCI command register", pci->name);
	return 0;
}

/* Maps the BAR @bar through sysfs. Return: NULL with errno. */
static void *map_by_sysfs(const char *device, unsigned int bar, size_t *len)
{
	char file[16];
	struct stat status;
	void *at = MAP_FAILED;
	int fd, error;

	snprintf(file, sizeof(file), "resource%u", bar);
	fd = pci_sysfs_open(device, file, O_RDWR);
	if (fd >= 0 && !fstat(fd, &status))
		at = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	if (at == MAP_FAILED)
		return NULL;
	/* A child must not reach the registers of its parent's device. */
	madvise(at, (size_t)status.st_size, MADV_DONTFORK);
	*len = (size_t)status.st_size;
	return at;
}

int pci_map_bar(struct pci *pci, unsigned int bar)
{
	if (bar >= PCI_BARS)
		return why_fail(EPROTO, "%s: there is no BAR %u", pci->name, bar);
	if (pci->bars[bar])
		return 0;
	pci->bars[bar] = pci->device ? vfio_map_bar(&pci->vfio, bar, &pci->bar_lens[bar])
				     : map_by_sysfs(pci->name, bar, &pci->bar_lens[bar]);
	if (pci->bars[bar])
		return 0;
	return why_fail(errno, "%s: cannot map BAR %u: %s", pci->name, bar, strerror(errno));
}

uint64_t pci_address(const struct pci *pci, const void *memory)
{
	return pci->device ? pinned_dma_addr(pci->device, memory) : pinned_v2p(memory);
}

long pci_extents(const struct pci *pci, const void *memory, size_t len,
		 struct pinned_extent *extents, size_t count)
{
	return pci->device ? pinned_dma_sg(pci->device, memory, len, extents, count)
			   : pinned_v2p_sg(memory, len, extents, count);
}

// SPDX-License-Identifier: MIT
/*
 * PCI by sysfs or VFIO, and the registers of virtio's section 4.1.4. Registers are little-endian, and read
 * and written in their own width.
 */
#define _GNU_SOURCE
#include "virtio_pci.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../sysfs_pci.h"
#include "why.h"

#define VENDOR_VIRTIO 0x1af4
/* A modern device's number is this and its type. */
#define MODERN_DEVICE 0x1040
#define CONFIG_SPACE 256
#define RESET_MS 5000
#define RUNNING                                                                               \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | \
	 VIRTIO_CONFIG_S_DRIVER_OK)

/* Descriptors of this process, which a forked child lets go. */
#define LOCKS_MAX 24
static int locks[LOCKS_MAX] = { [0 ... LOCKS_MAX - 1] = -1 };
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned int forks;

static void let_go_in_child(void)
{
	forks++;
	for (int i = 0; i < LOCKS_MAX; i++)
		if (locks[i] >= 0) {
			close(locks[i]);
			locks[i] = -1;
		}
}

static void watch_fork(void)
{
	pthread_atfork(NULL, NULL, let_go_in_child);
}

unsigned int virtio_pci_forks(void)
{
	return forks;
}

static void replace_lock(int from, int to)
{
	for (int i = 0; i < LOCKS_MAX; i++) {
		int expected = from;

		if (__atomic_compare_exchange_n(&locks[i], &expected, to, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return;
	}
}

/* sysfs. */

/* Whoever has the group has the device. */
static int take_by_vfio(struct virtio_pci *pci, const char *device)
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
	replace_lock(-1, pci->vfio.container);
	replace_lock(-1, pci->vfio.group);
	replace_lock(-1, pci->vfio.device);
	pci->lock = -1;
	return 0;
}

/* Whoever has the lock of "config" has the device. */
static int take_by_sysfs(struct virtio_pci *pci, const char *device)
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
		why_fail(EBUSY, "%s is in use by another process", device);
		close(pci->lock);
		errno = EBUSY;
		return -1;
	}
	replace_lock(-1, pci->lock);
	return 0;
}

/* Return: 0, or -1 with errno and why. */
static int take(struct virtio_pci *pci, const char *device)
{
	if (vfio_has(device) ? take_by_vfio(pci, device) : take_by_sysfs(pci, device))
		return -1;
	snprintf(pci->name, sizeof(pci->name), "%.*s", (int)sizeof(pci->name) - 1, device);
	return 0;
}

static void give_back(struct virtio_pci *pci)
{
	if (pci->device) {
		pinned_device_detach(pci->device);
		replace_lock(pci->vfio.container, -1);
		replace_lock(pci->vfio.group, -1);
		replace_lock(pci->vfio.device, -1);
		vfio_close(&pci->vfio);
		return;
	}
	replace_lock(pci->lock, -1);
	/* A child that has just been forked may still have the descriptor. */
	flock(pci->lock, LOCK_UN);
	close(pci->lock);
}

static int find(struct virtio_pci *pci, unsigned int type)
{
	DIR *dir = opendir(PCI_DEVICES);
	struct dirent *entry;
	int error = ENODEV;

	if (!dir)
		return why_fail(errno, "%s: %s", PCI_DEVICES, strerror(errno));
	why_fail(error, "there is no virtio device of type %u", type);
	while (error && (entry = readdir(dir)))
		if (sysfs_pci_id(entry->d_name, "vendor") == VENDOR_VIRTIO &&
		    sysfs_pci_id(entry->d_name, "device") == MODERN_DEVICE + type)
			error = take(pci, entry->d_name) ? errno : 0;
	closedir(dir);
	errno = error;
	return error ? -1 : 0;
}

static ssize_t read_config(struct virtio_pci *pci, void *to, size_t size, off_t offset)
{
	return pci->device ? vfio_read_config(&pci->vfio, to, size, offset)
			   : pread(pci->lock, to, size, offset);
}

static ssize_t write_config(struct virtio_pci *pci, const void *from, size_t size, off_t offset)
{
	return pci->device ? vfio_write_config(&pci->vfio, from, size, offset)
			   : pwrite(pci->lock, from, size, offset);
}

/* Registers on, the interrupt line off: the rings are polled. Without the master bit there is no DMA. */
static int enable(struct virtio_pci *pci, bool is_master)
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

static int map_bar_by_sysfs(struct virtio_pci *pci, unsigned int bar)
{
	char file[16];
	struct stat status;
	void *at = MAP_FAILED;
	int fd;

	snprintf(file, sizeof(file), "resource%u", bar);
	fd = sysfs_pci_open(pci->name, file, O_RDWR);
	if (fd >= 0 && !fstat(fd, &status))
		at = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		return why_fail(error, "%s: cannot map %s: %s", pci->name, file, strerror(error));
	}
	close(fd);
	/* A child must not reach the registers of its parent's device. */
	madvise(at, (size_t)status.st_size, MADV_DONTFORK);
	pci->bars[bar] = at;
	pci->bar_lens[bar] = (size_t)status.st_size;
	return 0;
}

static int map_bar(struct virtio_pci *pci, unsigned int bar)
{
	if (bar >= VIRTIO_PCI_BARS)
		return why_fail(EPROTO, "%s: a capability names BAR %u", pci->name, bar);
	if (pci->bars[bar])
		return 0;
	if (!pci->device)
		return map_bar_by_sysfs(pci, bar);
	pci->bars[bar] = vfio_map_bar(&pci->vfio, bar, &pci->bar_lens[bar]);
	if (pci->bars[bar])
		return 0;
	return why_fail(errno, "%s: cannot map BAR %u: %s", pci->name, bar, strerror(errno));
}

static int use_capability(struct virtio_pci *pci, const uint8_t *space, unsigned int at)
{
	struct virtio_pci_cap cap;
	uint32_t offset, length;
	uint8_t *place;

	memcpy(&cap, space + at, sizeof(cap));
	offset = le32toh(cap.offset);
	length = le32toh(cap.length);
	if (cap.cfg_type != VIRTIO_PCI_CAP_COMMON_CFG &&
	    cap.cfg_type != VIRTIO_PCI_CAP_NOTIFY_CFG && cap.cfg_type != VIRTIO_PCI_CAP_DEVICE_CFG)
		return 0;
	if (map_bar(pci, cap.bar))
		return -1;
	if ((uint64_t)offset + length > pci->bar_lens[cap.bar])
		return why_fail(EPROTO, "%s: a capability points behind its BAR", pci->name);
	place = pci->bars[cap.bar] + offset;
	if (cap.cfg_type == VIRTIO_PCI_CAP_COMMON_CFG && length >= sizeof(*pci->common)) {
		pci->common = (volatile struct virtio_pci_common_cfg *)place;
	} else if (cap.cfg_type == VIRTIO_PCI_CAP_DEVICE_CFG) {
		pci->config = place;
		pci->config_len = length;
	} else if (cap.cfg_type == VIRTIO_PCI_CAP_NOTIFY_CFG) {
		uint32_t multiplier;

		memcpy(&multiplier, space + at + VIRTIO_PCI_NOTIFY_CAP_MULT, sizeof(multiplier));
		pci->notify = place;
		pci->notify_len = length;
		pci->notify_multiplier = le32toh(multiplier);
	}
	return 0;
}

static int map_registers(struct virtio_pci *pci)
{
	uint8_t space[CONFIG_SPACE + sizeof(struct virtio_pci_notify_cap)] = { 0 };
	unsigned int at, hops = 0;

	if (read_config(pci, space, CONFIG_SPACE, 0) != CONFIG_SPACE)
		return why_fail(EACCES, "%s: cannot read its capabilities; are we root?",
				pci->name);
	for (at = space[PCI_CAPABILITY_LIST] & ~3u; at && hops++ < CONFIG_SPACE / 4;
	     at = space[at + PCI_CAP_LIST_NEXT] & ~3u)
		if (space[at + PCI_CAP_LIST_ID] == PCI_CAP_ID_VNDR &&
		    use_capability(pci, space, at))
			return -1;
	if (!pci->common || !pci->notify || !pci->config)
		return why_fail(EPROTO, "%s: lacks a capability of a modern device", pci->name);
	return 0;
}

/* The device. */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int virtio_pci_reset(struct virtio_pci *pci)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	int64_t end = now_ms() + RESET_MS;

	pci->common->device_status = 0;
	/* 4.1.4.3.2: it is reset when it says so. */
	while (pci->common->device_status) {
		if (now_ms() > end)
			return why_fail(ETIMEDOUT, "%s does not come out of a reset", pci->name);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void unmap(struct virtio_pci *pci)
{
	for (int i = 0; i < VIRTIO_PCI_BARS; i++)
		if (pci->bars[i])
			munmap(pci->bars[i], pci->bar_lens[i]);
}

int virtio_pci_open(struct virtio_pci *pci, unsigned int type)
{
	int error;

	pthread_once(&once, watch_fork);
	memset(pci, 0, sizeof(*pci));
	if (find(pci, type))
		return -1;
	/* What a killed process left running is reset before it gets at memory again. */
	if (!enable(pci, false) && !map_registers(pci) && !virtio_pci_reset(pci) &&
	    !enable(pci, true))
		return 0;
	error = errno;
	unmap(pci);
	give_back(pci);
	errno = error;
	return -1;
}

void virtio_pci_close(struct virtio_pci *pci)
{
	/* Without the master bit even a device that does not come out of its reset is quiet. */
	virtio_pci_reset(pci);
	enable(pci, false);
	unmap(pci);
	give_back(pci);
}

static void add_status(struct virtio_pci *pci, uint8_t bits)
{
	pci->common->device_status = pci->common->device_status | bits;
}

int virtio_pci_negotiate(struct virtio_pci *pci, uint64_t wanted)
{
	uint64_t offered = 0, accepted;

	wanted |= 1ull << VIRTIO_F_VERSION_1;
	if (pci->device)
		wanted |= 1ull << VIRTIO_F_ACCESS_PLATFORM;
	add_status(pci, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(pci, VIRTIO_CONFIG_S_DRIVER);
	for (uint32_t i = 0; i < 2; i++) {
		pci->common->device_feature_select = htole32(i);
		offered |= (uint64_t)le32toh(pci->common->device_feature) << (32 * i);
	}
	accepted = offered & wanted;
	for (uint32_t i = 0; i < 2; i++) {
		pci->common->guest_feature_select = htole32(i);
		pci->common->guest_feature = htole32((uint32_t)(accepted >> (32 * i)));
	}
	add_status(pci, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(accepted >> VIRTIO_F_VERSION_1 & 1) ||
	    !(pci->common->device_status & VIRTIO_CONFIG_S_FEATURES_OK))
		return why_fail(ENOTSUP, "%s refuses features 0x%llx of 0x%llx", pci->name,
				(unsigned long long)accepted, (unsigned long long)offered);
	/* 6.1: only with this feature are its addresses the IOMMU's; else they are physical. */
	if (!(offered >> VIRTIO_F_ACCESS_PLATFORM & 1) == !pci->device)
		return 0;
	return why_fail(ENOTSUP,
			pci->device ? "%s goes past the IOMMU: it needs iommu_platform=on"
				    : "%s is behind an IOMMU: bind it to vfio-pci",
			pci->name);
}

uint64_t virtio_pci_address(const struct virtio_pci *pci, const void *ptr)
{
	return pci->device ? pinned_dma_addr(pci->device, ptr) : pinned_v2p(ptr);
}

long virtio_pci_extents(const struct virtio_pci *pci, const void *ptr, size_t len,
			struct pinned_extent *extents, size_t count)
{
	return pci->device ? pinned_dma_sg(pci->device, ptr, len, extents, count)
			   : pinned_v2p_sg(ptr, len, extents, count);
}

void virtio_pci_start(struct virtio_pci *pci)
{
	add_status(pci, VIRTIO_CONFIG_S_DRIVER_OK);
}

bool virtio_pci_is_running(const struct virtio_pci *pci)
{
	return pci->common->device_status == RUNNING;
}

uint16_t virtio_pci_queue_max(struct virtio_pci *pci, uint16_t index)
{
	if (index >= le16toh(pci->common->num_queues))
		return 0;
	pci->common->queue_select = htole16(index);
	return le16toh(pci->common->queue_size);
}

static void write_address(volatile __le32 *lo, volatile __le32 *hi, uint64_t address)
{
	*lo = htole32((uint32_t)address);
	*hi = htole32((uint32_t)(address >> 32));
}

volatile uint16_t *virtio_pci_queue_setup(struct virtio_pci *pci, uint16_t index, uint16_t size,
					  uint64_t desc, uint64_t avail, uint64_t used)
{
	volatile struct virtio_pci_common_cfg *common = pci->common;
	uint64_t doorbell;

	common->queue_select = htole16(index);
	common->queue_size = htole16(size);
	common->queue_msix_vector = htole16(VIRTIO_MSI_NO_VECTOR);
	write_address(&common->queue_desc_lo, &common->queue_desc_hi, desc);
	write_address(&common->queue_avail_lo, &common->queue_avail_hi, avail);
	write_address(&common->queue_used_lo, &common->queue_used_hi, used);
	doorbell = (uint64_t)le16toh(common->queue_notify_off) * pci->notify_multiplier;
	if (doorbell + sizeof(uint16_t) > pci->notify_len) {
		why_fail(EPROTO, "%s: queue %u has no doorbell", pci->name, index);
		return NULL;
	}
	common->queue_enable = htole16(1);
	return (volatile uint16_t *)(pci->notify + doorbell);
}

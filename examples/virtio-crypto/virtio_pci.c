// SPDX-License-Identifier: MIT
/* The registers of virtio's section 4.1.4: little-endian, and accessed in their exact width. */
#include "virtio_pci.h"

#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../common/why.h"

#define VENDOR_VIRTIO 0x1af4
/* A modern device's PCI device number is this plus its virtio type. */
#define MODERN_DEVICE 0x1040
#define CONFIG_SPACE 256
#define RESET_MS 5000
#define RUNNING                                                                               \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | \
	 VIRTIO_CONFIG_S_DRIVER_OK)

static int use_capability(struct virtio_pci *virtio, const uint8_t *space, unsigned int at)
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
	if (pci_map_bar(&virtio->pci, cap.bar))
		return -1;
	if ((uint64_t)offset + length > virtio->pci.bar_lens[cap.bar])
		return why_fail(EPROTO, "%s: a capability points behind its BAR", virtio->pci.name);
	place = virtio->pci.bars[cap.bar] + offset;
	if (cap.cfg_type == VIRTIO_PCI_CAP_COMMON_CFG && length >= sizeof(*virtio->common)) {
		virtio->common = (volatile struct virtio_pci_common_cfg *)place;
	} else if (cap.cfg_type == VIRTIO_PCI_CAP_DEVICE_CFG) {
		virtio->config = place;
		virtio->config_len = length;
	} else if (cap.cfg_type == VIRTIO_PCI_CAP_NOTIFY_CFG) {
		uint32_t multiplier;

		memcpy(&multiplier, space + at + VIRTIO_PCI_NOTIFY_CAP_MULT, sizeof(multiplier));
		virtio->notify = place;
		virtio->notify_len = length;
		virtio->notify_multiplier = le32toh(multiplier);
	}
	return 0;
}

static int map_registers(struct virtio_pci *virtio)
{
	uint8_t space[CONFIG_SPACE + sizeof(struct virtio_pci_notify_cap)] = { 0 };
	unsigned int at, hops = 0;

	if (pci_read_config(&virtio->pci, space, CONFIG_SPACE, 0) != CONFIG_SPACE)
		return why_fail(EACCES, "%s: cannot read its capabilities; are we root?",
				virtio->pci.name);
	for (at = space[PCI_CAPABILITY_LIST] & ~3u; at && hops++ < CONFIG_SPACE / 4;
	     at = space[at + PCI_CAP_LIST_NEXT] & ~3u)
		if (space[at + PCI_CAP_LIST_ID] == PCI_CAP_ID_VNDR &&
		    use_capability(virtio, space, at))
			return -1;
	if (!virtio->common || !virtio->notify || !virtio->config)
		return why_fail(EPROTO, "%s: lacks a capability of a modern device",
				virtio->pci.name);
	return 0;
}

/* The device. */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int virtio_pci_reset(struct virtio_pci *virtio)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	int64_t end = now_ms() + RESET_MS;

	virtio->common->device_status = 0;
	/* 4.1.4.3.2: the reset is complete when the status reads as 0. */
	while (virtio->common->device_status) {
		if (now_ms() > end)
			return why_fail(ETIMEDOUT, "%s does not come out of a reset",
					virtio->pci.name);
		nanosleep(&pause, NULL);
	}
	return 0;
}

int virtio_pci_open(struct virtio_pci *virtio, unsigned int type)
{
	char what[40];
	int error;

	memset(virtio, 0, sizeof(*virtio));
	snprintf(what, sizeof(what), "virtio device of type %u", type);
	if (pci_open(&virtio->pci, VENDOR_VIRTIO, MODERN_DEVICE + type, what))
		return -1;
	/* Reset work left by a killed process before the device may access memory again. */
	if (!map_registers(virtio) && !virtio_pci_reset(virtio) &&
	    !pci_set_master(&virtio->pci, true))
		return 0;
	error = errno;
	pci_close(&virtio->pci);
	errno = error;
	return -1;
}

void virtio_pci_close(struct virtio_pci *virtio)
{
	/* Without bus mastering, even a device whose reset fails no longer accesses memory. */
	virtio_pci_reset(virtio);
	pci_close(&virtio->pci);
}

static void add_status(struct virtio_pci *virtio, uint8_t bits)
{
	virtio->common->device_status = virtio->common->device_status | bits;
}

int virtio_pci_negotiate(struct virtio_pci *virtio, uint64_t wanted)
{
	uint64_t offered = 0, accepted;

	wanted |= 1ull << VIRTIO_F_VERSION_1;
	if (virtio->pci.device)
		wanted |= 1ull << VIRTIO_F_ACCESS_PLATFORM;
	add_status(virtio, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(virtio, VIRTIO_CONFIG_S_DRIVER);
	for (uint32_t i = 0; i < 2; i++) {
		virtio->common->device_feature_select = htole32(i);
		offered |= (uint64_t)le32toh(virtio->common->device_feature) << (32 * i);
	}
	accepted = offered & wanted;
	for (uint32_t i = 0; i < 2; i++) {
		virtio->common->guest_feature_select = htole32(i);
		virtio->common->guest_feature = htole32((uint32_t)(accepted >> (32 * i)));
	}
	add_status(virtio, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(accepted >> VIRTIO_F_VERSION_1 & 1) ||
	    !(virtio->common->device_status & VIRTIO_CONFIG_S_FEATURES_OK))
		return why_fail(ENOTSUP, "%s refuses features 0x%llx of 0x%llx", virtio->pci.name,
				(unsigned long long)accepted, (unsigned long long)offered);
	/* 6.1: with this feature the device uses I/O addresses; else physical addresses. */
	if (!(offered >> VIRTIO_F_ACCESS_PLATFORM & 1) == !virtio->pci.device)
		return 0;
	return why_fail(ENOTSUP,
			virtio->pci.device ? "%s goes past the IOMMU: it needs iommu_platform=on"
					   : "%s is behind an IOMMU: bind it to vfio-pci",
			virtio->pci.name);
}

void virtio_pci_start(struct virtio_pci *virtio)
{
	add_status(virtio, VIRTIO_CONFIG_S_DRIVER_OK);
}

bool virtio_pci_is_running(const struct virtio_pci *virtio)
{
	return virtio->common->device_status == RUNNING;
}

uint16_t virtio_pci_queue_max(struct virtio_pci *virtio, uint16_t index)
{
	if (index >= le16toh(virtio->common->num_queues))
		return 0;
	virtio->common->queue_select = htole16(index);
	return le16toh(virtio->common->queue_size);
}

static void write_address(volatile __le32 *lo, volatile __le32 *hi, uint64_t address)
{
	*lo = htole32((uint32_t)address);
	*hi = htole32((uint32_t)(address >> 32));
}

volatile uint16_t *virtio_pci_queue_setup(struct virtio_pci *virtio, uint16_t index, uint16_t size,
					  uint64_t desc, uint64_t avail, uint64_t used)
{
	volatile struct virtio_pci_common_cfg *common = virtio->common;
	uint64_t doorbell;

	common->queue_select = htole16(index);
	common->queue_size = htole16(size);
	common->queue_msix_vector = htole16(VIRTIO_MSI_NO_VECTOR);
	write_address(&common->queue_desc_lo, &common->queue_desc_hi, desc);
	write_address(&common->queue_avail_lo, &common->queue_avail_hi, avail);
	write_address(&common->queue_used_lo, &common->queue_used_hi, used);
	doorbell = (uint64_t)le16toh(common->queue_notify_off) * virtio->notify_multiplier;
	if (doorbell + sizeof(uint16_t) > virtio->notify_len) {
		why_fail(EPROTO, "%s: queue %u has no doorbell", virtio->pci.name, index);
		return NULL;
	}
	common->queue_enable = htole16(1);
	return (volatile uint16_t *)(virtio->notify + doorbell);
}

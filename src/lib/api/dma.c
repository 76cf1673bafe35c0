// SPDX-License-Identifier: MIT
/*
 * The public functions for devices behind an IOMMU. The translations only read memory, so they are
 * safe in signal handlers.
 */
#include <errno.h>

#include "backend/devices.h"
#include "front/runtime.h"
#include "os/sized.h"
#include "pinned.h"

/* Many devices treat the address 0 as "no address". */
#define LOWEST PN_CHUNK_SIZE

/* Returns the device of a program's handle. */
static struct pn_device *device_of(struct pinned_device *handle)
{
	return (struct pn_device *)(void *)handle;
}

static const struct pn_device *const_device_of(const struct pinned_device *handle)
{
	return (const struct pn_device *)(const void *)handle;
}

uint64_t pinned_dma_addr(const struct pinned_device *device, const void *ptr)
{
	return pn_dma_addr(const_device_of(device), ptr);
}

/* Returns true if the device reaches every chunk of these bytes. */
static bool is_reached(const struct pn_device *device, const char *ptr, size_t len)
{
	size_t offset = pn_arena_offset(ptr);

	if (offset >= device->size || len > device->size - offset)
		return false;
	for (size_t at = offset & ~PN_CHUNK_MASK; at < offset + len; at += PN_CHUNK_SIZE)
		if (pn_dma_addr(device, pn_arena_at(at)) == PINNED_NO_DMA)
			return false;
	return true;
}

long pinned_dma_sg(const struct pinned_device *device, const void *ptr, size_t len,
		   struct pinned_extent *extents, size_t count)
{
	if (!len)
		return 0;
	if (!is_reached(const_device_of(device), ptr, len)) {
		errno = EFAULT;
		return -1;
	}
	if (count)
		*extents = (struct pinned_extent){
			const_device_of(device)->base + pn_arena_offset(ptr), len
		};
	return 1;
}

/*
 * Sets *range to the I/O addresses that the caller's options allow: all from LOWEST on if there are
 * no options. Return: 0, EINVAL or E2BIG, as pinned_device_attach().
 */
static int read_options(const struct pinned_device_options *options, struct pn_vfio_range *range)
{
	struct pinned_device_options known = { 0 };
	int err = 0;

	*range = (struct pn_vfio_range){ LOWEST, UINT64_MAX };
	if (options)
		err = pn_sized_read(&known, sizeof(known), options,
				    PN_SIZE_UP_TO(struct pinned_device_options, max_addr));
	if (err)
		return err;
	if (known.max_addr && known.max_addr < known.min_addr)
		return EINVAL;
	if (known.min_addr > LOWEST)
		range->first = known.min_addr;
	if (known.max_addr)
		range->last = known.max_addr;
	return 0;
}

struct pinned_device *pinned_device_attach(int fd, const struct pinned_device_options *options)
{
	struct pn_vfio_range range;
	struct pn_device *device = NULL;
	int err = read_options(options, &range);

	if (!err)
		err = pn_runtime_enter()->error;
	if (!err)
		err = pn_devices_attach(fd, &range, &device);
	if (err)
		errno = err;
	return (struct pinned_device *)(void *)device;
}

int pinned_device_detach(struct pinned_device *device)
{
	int err = 0;

	pn_runtime_enter();
	if (device)
		err = pn_devices_detach(device_of(device));
	if (err)
		errno = err;
	return err ? -1 : 0;
}

// SPDX-License-Identifier: MIT
/*
 * The list of attached devices, and what is mapped for each of them. The arena's lock covers all of
 * it; requests to VFIO are made with that lock held.
 *
 * Each chunk is a mapping of its own, because VFIO unmaps only whole mappings, and chunks are given
 * back one by one. The record of a detached device is never freed, but kept for the next device, so
 * that a translation that comes too late reads a bit that is not set.
 */
#include "backend/devices.h"

#include <errno.h>

#include "os/meta.h"
#include "os/sys.h"

static struct pn_device *attached, *unused;

static uint64_t address_of(const struct pn_device *device, size_t slot)
{
	return device->base + ((uint64_t)slot << PN_CHUNK_SHIFT);
}

static bool is_mapped(const struct pn_device *device, size_t slot)
{
	return device->mapped[slot / 64] >> (slot % 64) & 1;
}

static void set_mapped(struct pn_device *device, size_t slot, bool is_set)
{
	uint64_t bit = (uint64_t)1 << (slot % 64);
	uint64_t bits = device->mapped[slot / 64];

	__atomic_store_n(&device->mapped[slot / 64], is_set ? bits | bit : bits & ~bit,
			 __ATOMIC_RELEASE);
}

static void clear_mapped(struct pn_device *device)
{
	for (size_t i = 0; i < pn_arena_slot_count(); i += 64)
		if (device->mapped[i / 64])
			__atomic_store_n(&device->mapped[i / 64], 0, __ATOMIC_RELEASE);
}

static void delist(struct pn_device *device)
{
	struct pn_device **link = &attached;

	while (*link && *link != device)
		link = &(*link)->next;
	if (*link)
		*link = device->next;
}

static void drop_device(struct pn_device *device, enum pn_device_state state)
{
	delist(device);
	clear_mapped(device);
	pn_fd_drop(&device->fd);
	device->state = state;
}

/*
 * Marks a device as lost, because the program has closed the descriptor or the container's last
 * group. Either VFIO has unmapped everything already, or nobody can unmap it any more; in the
 * second case VFIO's pins keep the memory from being used otherwise. The device leaves the list but
 * keeps its @next, so a loop over the list can go on.
 */
static void mark_as_lost(struct pn_device *device)
{
	drop_device(device, PN_DEVICE_LOST);
}

static bool is_there(const struct pn_device *device)
{
	return pn_fd_is_intact(&device->fd) && pn_vfio_is_there(device->fd.fd);
}

/* Mapping. */

static int map_slot(struct pn_device *device, size_t slot)
{
	int err = ENOSPC;

	pn_assert(!is_mapped(device, slot));
	if (slot < device->size >> PN_CHUNK_SHIFT)
		err = pn_vfio_map(device->fd.fd, pn_arena_slot_at(slot), address_of(device, slot),
				  PN_CHUNK_SIZE);
	if (!err)
		set_mapped(device, slot, true);
	return err;
}

/* Maps slots for a device. Return: 0, or an errno with some of the slots mapped. */
static int map_slots(struct pn_device *device, size_t first, size_t count)
{
	int err = pn_fd_is_intact(&device->fd) ? 0 : EBADF;

	for (size_t i = 0; !err && i < count; i++)
		err = map_slot(device, first + i);
	return err;
}

/* Returns how many neighbouring slots from @first on, and before @end, are mapped. */
static size_t mapped_run(const struct pn_device *device, size_t first, size_t end)
{
	size_t count = 0;

	while (first + count < end && is_mapped(device, first + count))
		count++;
	return count;
}

/* Clears the bits of mapped slots, and then unmaps the slots. Return: false if VFIO refuses. */
static bool unmap_run(struct pn_device *device, size_t first, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		pn_assert(is_mapped(device, first + i));
		set_mapped(device, first + i, false);
	}
	return pn_fd_is_intact(&device->fd) &&
	       !pn_vfio_unmap(device->fd.fd, address_of(device, first), count << PN_CHUNK_SHIFT);
}

static bool unmap_slots(struct pn_device *device, size_t first, size_t count)
{
	size_t end = first + count, run;

	for (size_t slot = first; slot < end; slot += run ? run : 1) {
		run = mapped_run(device, slot, end);
		if (run && !unmap_run(device, slot, run))
			return false;
	}
	return true;
}

int pn_devices_map_new_locked(size_t first, size_t count)
{
	pn_arena_assert_held();
	for (struct pn_device *device = attached; device; device = device->next) {
		if (!map_slots(device, first, count))
			continue;
		if (is_there(device)) {
			pn_devices_unmap_locked(first, count);
			return ENOBUFS;
		}
		mark_as_lost(device);
	}
	return 0;
}

void pn_devices_unmap_locked(size_t first, size_t count)
{
	pn_arena_assert_held();
	for (struct pn_device *device = attached; device; device = device->next)
		if (!unmap_slots(device, first, count))
			mark_as_lost(device);
}

void pn_devices_map_again_locked(size_t first, size_t count)
{
	pn_arena_assert_held();
	for (struct pn_device *device = attached; device; device = device->next)
		if (map_slots(device, first, count)) {
			unmap_slots(device, 0, pn_arena_slot_count());
			mark_as_lost(device);
		}
}

/* Attaching. */

/* Returns true if a slot has memory that is not inherited; inherited memory is never mapped. */
static bool is_own_memory(size_t slot)
{
	return pn_arena.slots[slot].state != PN_SLOT_HOLE &&
	       pn_arena.slots[slot].epoch == pn_arena.epoch;
}

static int map_all(struct pn_device *device)
{
	int err = 0;

	for (size_t slot = 0; !err && slot < pn_arena_slot_count(); slot++)
		if (is_own_memory(slot))
			err = map_slot(device, slot);
	return err;
}

static size_t table_size(void)
{
	return pn_round_up(pn_round_up(pn_arena_slot_limit(), 64) / 8, PN_PAGE_SIZE);
}

static struct pn_device *make_record(void)
{
	uint64_t *mapped = pn_sys_table(table_size());
	struct pn_device *device = NULL;

	if (mapped && pn_sys_wipe_on_fork(mapped, table_size()))
		device = pn_meta_alloc(sizeof(*device));
	if (device)
		device->mapped = mapped;
	else if (mapped)
		pn_sys_unmap(mapped, table_size());
	return device;
}

static struct pn_device *take_record(void)
{
	struct pn_device *device = unused;

	if (!device)
		return make_record();
	unused = device->next;
	return device;
}

static void give_record(struct pn_device *device)
{
	device->state = PN_DEVICE_UNUSED;
	device->next = unused;
	unused = device;
}

static int start(struct pn_device *device, int fd, const struct pn_vfio_range *range)
{
	uint64_t room = range->last - range->first;
	int err = pn_fd_guard_copy(&device->fd, fd);

	if (err)
		return err;
	device->base = range->first;
	device->size = room < pn_arena.limit ? (size_t)room + 1 : pn_arena.limit;
	err = map_all(device);
	if (err) {
		unmap_slots(device, 0, pn_arena_slot_count());
		pn_fd_drop(&device->fd);
	}
	return err;
}

static int attach(int fd, const struct pn_vfio_range *range, struct pn_device **made)
{
	struct pn_device *device = take_record();
	int err = device ? start(device, fd, range) : ENOMEM;

	if (!err) {
		device->state = PN_DEVICE_ATTACHED;
		device->next = attached;
		attached = device;
		*made = device;
	} else if (device) {
		give_record(device);
	}
	return err;
}

int pn_devices_attach(int fd, const struct pn_vfio_range *wanted, struct pn_device **device)
{
	struct pn_vfio_range range = *wanted;
	int err = pn_vfio_find_range(fd, &range);

	if (err)
		return err;
	pn_arena_lock();
	err = attach(fd, &range, device);
	pn_arena_unlock();
	return err;
}

static int detach(struct pn_device *device)
{
	bool is_done = true;

	switch (device->state) {
	case PN_DEVICE_UNUSED:
		return EINVAL;
	case PN_DEVICE_ATTACHED:
		is_done = unmap_slots(device, 0, pn_arena_slot_count());
		drop_device(device, PN_DEVICE_UNUSED);
		break;
	case PN_DEVICE_LOST:
		is_done = false;
		break;
	case PN_DEVICE_PARENTS:
		break;
	}
	give_record(device);
	return is_done ? 0 : ENODEV;
}

int pn_devices_detach(struct pn_device *device)
{
	int err;

	pn_arena_lock();
	err = detach(device);
	pn_arena_unlock();
	return err;
}

/* The container still belongs to the parent: unmapping here would unmap the parent's memory. */
void pn_devices_in_child(void)
{
	while (attached)
		drop_device(attached, PN_DEVICE_PARENTS);
}

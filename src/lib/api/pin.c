// SPDX-License-Identifier: MIT
/*
 * pinned_pin() and pinned_unpin(). The library's own memory is pinned already, and needs no
 * pin; other memory is pinned by the driver.
 */
#include "api/pin.h"

#include "arena/arena.h"
#include "arena/pins.h"
#include "chunk/heap.h"
#include "front/heaps.h"
#include "front/runtime.h"
#include "os/errno.h"
#include "pinned.h"

/*
 * Checks a range that begins in memory of the library. The caller has called pn_runtime_enter(),
 * which settles a new child. Return: 0; EFAULT if a part of the range is other memory, or was
 * inherited from the parent process and shows the parent's chunks.
 */
static int check_own(const void *ptr, size_t len)
{
	size_t offset = pn_arena_offset(ptr);

	if (len > pn_arena_size() - offset)
		return EFAULT;
	for (size_t at = offset & ~PN_CHUNK_MASK; at < offset + len; at += PN_CHUNK_SIZE) {
		const struct pn_slot *slot = &pn_arena.slots[at >> PN_CHUNK_SHIFT];

		if (__atomic_load_n(&slot->state, __ATOMIC_RELAXED) == PN_SLOT_HOLE ||
		    slot->epoch != pn_arena.epoch)
			return EFAULT;
	}
	return 0;
}

int pn_pin_other(const void *ptr, size_t len)
{
	int err = pn_runtime_enter()->error;

	if (err)
		return err;
	if (pn_heap.pool.backend != &pn_backend_device)
		return EOPNOTSUPP;
	return pn_pins_add(ptr, len);
}

int pn_unpin_other(const void *ptr, size_t len)
{
	pn_runtime_enter();
	return pn_pins_remove(ptr, len);
}

int pinned_pin(const void *ptr, size_t len)
{
	int err = len ? pn_runtime_enter()->error : EINVAL;

	if (!err)
		err = pinned_owns(ptr) ? check_own(ptr, len) : pn_pin_other(ptr, len);
	return pn_result(err);
}

int pinned_unpin(const void *ptr, size_t len)
{
	return len && pinned_owns(ptr) ? 0 : pn_result(pn_unpin_other(ptr, len));
}

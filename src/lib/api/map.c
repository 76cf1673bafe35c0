// SPDX-License-Identifier: MIT
/*
 * pinned_map() and pinned_unmap(): one call instead of pinned_retain() and pinned_v2p_sg() for an
 * object, and instead of pinned_pin() and pinned_v2p_sg() for other memory.
 *
 * translate(), count_rest() and the functions whose names begin with map return a number of extents,
 * or a negative errno. unmap() and unmap_all() return 0 or an errno.
 */
#include <sys/uio.h>

#include "api/api_retain.h"
#include "api/pin.h"
#include "arena/pins.h"
#include "arena/v2p.h"
#include "front/runtime.h"
#include "os/errno.h"
#include "pinned.h"

/* Returns true if the array has room for all of the buffer's extents. */
static bool is_told(long found, size_t count)
{
	return found >= 0 && (size_t)found <= count;
}

/* Translates a part of an object that the caller has retained. */
static long translate(const char *ptr, size_t len, struct pinned_extent *extents, size_t count)
{
	uint64_t phys = pn_v2p(ptr);
	long found;

	if (pn_likely(len <= PN_CHUNK_SIZE - (pn_arena_offset(ptr) & PN_CHUNK_MASK))) {
		if (pn_unlikely(phys == PINNED_NO_PHYS))
			return -EFAULT;
		if (pn_likely(count))
			*extents = (struct pinned_extent){ phys, len };
		return 1;
	}
	found = pinned_v2p_sg(ptr, len, extents, count);
	return found < 0 ? -errno : found;
}

static long map_object(const char *ptr, size_t len, struct pinned_extent *extents, size_t count)
{
	struct pn_object object;
	long found = -pn_retain_at(ptr, &object);

	if (pn_unlikely(found))
		return found;
	if (pn_likely(len <= object.size - (pn_arena_offset(ptr) - object.offset)))
		found = translate(ptr, len, extents, count);
	else
		found = -EFAULT;
	if (pn_unlikely(!is_told(found, count)))
		pn_release_object(&object);
	return found;
}

static PN_NOINLINE long map_other(const void *ptr, size_t len, struct pinned_extent *extents,
				  size_t count)
{
	size_t least = pn_runtime_enter()->config.pin;
	long found = -EFAULT;

	if (least && len >= least)
		found = -pn_pin_other(ptr, len);
	if (found)
		return found;
	found = pn_pins_sg(ptr, len, extents, count);
	if (found < 0)
		found = -errno;
	if (!is_told(found, count))
		pn_unpin_other(ptr, len);
	return found;
}

static long map(const void *ptr, size_t len, struct pinned_extent *extents, size_t count)
{
	int saved = errno;
	long found;

	if (pn_unlikely(!len))
		return -EINVAL;
	if (pn_likely(pinned_owns(ptr)))
		return map_object(ptr, len, extents, count);
	found = map_other(ptr, len, extents, count);
	errno = saved;
	return found;
}

static int unmap(const void *ptr, size_t len)
{
	if (pn_unlikely(!len))
		return EINVAL;
	return pn_likely(pinned_owns(ptr)) ? pn_release_at(ptr) : pn_unpin_other(ptr, len);
}

/* Returns a number of extents; or sets errno and returns -1. */
static long result_of(long found)
{
	if (pn_likely(found >= 0))
		return found;
	errno = (int)-found;
	return -1;
}

long pinned_map(const void *ptr, size_t len, struct pinned_extent *extents, size_t count)
{
	return result_of(map(ptr, len, extents, count));
}

int pinned_unmap(const void *ptr, size_t len)
{
	return pn_result(unmap(ptr, len));
}

/* Unmaps the first @count buffers. Return: 0, or the first error. */
static int unmap_all(const struct iovec *buffers, size_t count)
{
	int first = 0;

	for (size_t i = 0; i < count; i++) {
		int err = buffers[i].iov_len ? unmap(buffers[i].iov_base, buffers[i].iov_len) : 0;

		if (!first)
			first = err;
	}
	return first;
}

/*
 * Counts the extents of all buffers, and leaves none of the buffers from @i on mapped. The buffers
 * before @i have @found extents; a negative @found is an error, which is returned.
 */
static long count_rest(const struct iovec *buffers, size_t i, size_t buffer_count, long found)
{
	for (; found >= 0 && i < buffer_count; i++) {
		struct pinned_extent none;
		long more = 0;

		if (buffers[i].iov_len)
			more = map(buffers[i].iov_base, buffers[i].iov_len, &none, 0);
		found = more < 0 ? more : found + more;
	}
	return found;
}

long pinned_mapv(const struct iovec *buffers, size_t buffer_count, struct pinned_extent *extents,
		 size_t count)
{
	long found = 0, more;
	size_t i;

	for (i = 0; i < buffer_count; i++, found += more) {
		size_t room = count - (size_t)found;

		more = 0;
		if (buffers[i].iov_len)
			more = map(buffers[i].iov_base, buffers[i].iov_len, extents + found, room);
		if (pn_unlikely(!is_told(more, room)))
			break;
	}
	if (pn_likely(i == buffer_count))
		return found;
	unmap_all(buffers, i);
	return result_of(count_rest(buffers, i, buffer_count, found));
}

int pinned_unmapv(const struct iovec *buffers, size_t buffer_count)
{
	return pn_result(unmap_all(buffers, buffer_count));
}

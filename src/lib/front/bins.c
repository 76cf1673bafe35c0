// SPDX-License-Identifier: MIT
/*
 * The bins of thread caches: how many objects each may hold.
 *
 * A bin's room begins small and doubles when the bin runs empty or full, within what its thread may
 * hold, and all threads together: a thread that works with many objects of a size soon does so without
 * slabs. Now and then bins that ran neither empty nor full for long give half of what they hold back,
 * and half of their room. (TCMalloc's design notes describe these policies.)
 */
#include "front/bins.h"

#include <string.h>

#include "object/central.h"
#include "os/meta.h"

/* Bytes: of one bin, of a thread beyond its first rooms, of all threads beyond that. */
#define BIN_BYTES ((size_t)1 << 20)
#define THREAD_BYTES ((size_t)2 << 20)
#define ALL_BYTES ((size_t)64 << 20)

/* Programs build and tear down as many small objects as that. */
#define ROOM_MAX 32768
#define LONG_STACK 1024
#define FIRST_BYTES ((size_t)4 << 10)
#define ONE_WAY_BYTES (2 * PN_BATCH_BYTES)

/* What a thread has freed of other threads' slabs, of one class: bytes and objects. */
#define OTHERS_BYTES ((size_t)16 << 10)
#define OTHERS_MAX 64

/* Slow paths between two looks for bins that are not used. */
#define MISSES 4096

/* Bytes that all threads' rooms make. */
static size_t granted;

static bool is_medium(unsigned int index)
{
	return index >= PN_BIN_MEDIUM && index < PN_BIN_OTHERS;
}

static bool is_others(unsigned int index)
{
	return index >= PN_BIN_OTHERS;
}

/* Returns the most bytes that an object in the bin has; 0 for a class that is not in use. */
static size_t object_bytes(unsigned int index)
{
	if (is_medium(index))
		return pn_medium_bin_pages(index - PN_BIN_MEDIUM) << PN_PAGE_SHIFT;
	if (is_others(index))
		index -= PN_BIN_OTHERS;
	return pn_classes[index].size;
}

static uint32_t most_room(unsigned int index)
{
	size_t size = object_bytes(index);

	if (is_others(index))
		return size ? pn_bin_within(OTHERS_BYTES, size, OTHERS_MAX) : 0;
	return size ? pn_bin_within(is_medium(index) ? 2 * BIN_BYTES : BIN_BYTES, size, ROOM_MAX)
		    : 0;
}

void pn_bin_flush_oldest(struct pn_tcache *cache, unsigned int index, uint32_t count)
{
	struct pn_bin *bin = &cache->bins[index];

	pn_assert(count <= bin->count && bin->count <= bin->room);
	pn_assert(bin->room <= cache->capacity[index]);
	if (is_medium(index)) {
		for (uint32_t i = 0; i < count; i++) {
			pn_assert(cache->medium_bytes >=
				  pn_bin_medium_size(bin->objects[i].object));
			pn_bin_count_medium(cache, -pn_bin_medium_size(bin->objects[i].object));
			pn_medium_free(bin->objects[i].object);
		}
	} else if (is_others(index)) {
		pn_central_give(&pn_heap, index - PN_BIN_OTHERS, bin->objects, count);
	} else {
		pn_owner_give(&cache->owner, index, bin->objects, count);
	}
	pn_bin_set_count(bin, bin->count - count);
	memmove(bin->objects, bin->objects + count, bin->count * sizeof(*bin->objects));
}

/* Rooms. */

/* The bytes that the rooms of all bins make, which @granted counts. */
PN_UNUSED_IN_RELEASE static size_t bytes_of_rooms(const struct pn_tcache *cache)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < PN_BINS; i++)
		if (cache->bins[i].room)
			bytes += cache->bins[i].room * object_bytes(i);
	return bytes;
}

void pn_bin_set_room(struct pn_tcache *cache, unsigned int index, uint32_t room)
{
	struct pn_bin *bin = &cache->bins[index];
	size_t bytes = ((size_t)room - bin->room) * object_bytes(index);

	pn_assert(bin->count <= room && room <= most_room(index));
	bin->room = room;
	cache->granted += bytes;
	pn_assert_slow(cache->granted == bytes_of_rooms(cache));
	if (cache->owner.epoch == pn_arena.epoch)
		__atomic_fetch_add(&granted, bytes, __ATOMIC_RELAXED);
}

/*
 * Stacks begin short too, so that the stacks of a thread that does little share a page or two. A longer
 * stack replaces a shorter one, which is lost; all that is lost is as much as the longest. A long stack
 * is made as long as it may ever become: what is not used of it costs addresses alone.
 */
static bool lengthen_stack(struct pn_tcache *cache, unsigned int index, uint32_t room)
{
	struct pn_bin *bin = &cache->bins[index];
	struct pn_free *stack;

	if (room <= cache->capacity[index])
		return true;
	if (room > LONG_STACK)
		room = most_room(index);
	stack = pn_meta_alloc(room * sizeof(*stack));
	if (!stack)
		return false;
	if (bin->count)
		memcpy(stack, bin->objects, bin->count * sizeof(*stack));
	bin->objects = stack;
	cache->capacity[index] = (uint16_t)room;
	return true;
}

bool pn_bin_has_turned(struct pn_tcache *cache, unsigned int index, bool is_full)
{
	bool has_turned = cache->was_full[index] != is_full;

	cache->was_full[index] = is_full;
	return has_turned;
}

bool pn_bin_grow(struct pn_tcache *cache, unsigned int index, bool is_in_turn)
{
	struct pn_bin *bin = &cache->bins[index];
	size_t size = object_bytes(index), bytes;
	uint32_t most = most_room(index), room = 2 * bin->room;

	if (is_others(index))
		room = most;
	else if (!bin->room)
		room = pn_bin_within(FIRST_BYTES, size, most);
	if (room > most)
		room = most;
	bytes = (room - bin->room) * size;
	if (room == bin->room || (!is_in_turn && bin->room * size >= ONE_WAY_BYTES))
		return false;
	if (bin->room && (cache->granted + bytes > THREAD_BYTES ||
			  __atomic_load_n(&granted, __ATOMIC_RELAXED) + bytes > ALL_BYTES))
		return false;
	if (!lengthen_stack(cache, index, room))
		return false;
	pn_bin_set_room(cache, index, room);
	return true;
}

static void shrink(struct pn_tcache *cache, unsigned int index)
{
	struct pn_bin *bin = &cache->bins[index];

	pn_bin_flush_oldest(cache, index, bin->count - bin->count / 2);
	if (bin->room / 2 >= bin->count && bin->room > 1)
		pn_bin_set_room(cache, index, bin->room / 2);
}

static void look_for_unused_bins(struct pn_tcache *cache)
{
	cache->misses = 0;
	for (unsigned int i = 0; i < PN_BINS; i++) {
		if (!cache->was_used[i] && cache->bins[i].room)
			shrink(cache, i);
		cache->was_used[i] = false;
	}
}

void pn_bin_missed(struct pn_tcache *cache, unsigned int index)
{
	cache->was_used[index] = true;
	if (++cache->misses > MISSES)
		look_for_unused_bins(cache);
}

bool pn_bin_flush_all(struct pn_tcache *cache)
{
	bool was_any = false;

	for (unsigned int i = 0; i < PN_BINS; i++) {
		if (!cache->bins[i].count)
			continue;
		pn_bin_flush_oldest(cache, i, cache->bins[i].count);
		was_any = true;
	}
	return was_any;
}

void pn_bin_in_child(void)
{
	__atomic_store_n(&granted, 0, __ATOMIC_RELAXED);
}

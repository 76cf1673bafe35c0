// SPDX-License-Identifier: MIT
/*
 * The bins of thread caches: how many objects each may hold, and which medium object fits a request.
 *
 * The room of a bin begins small and doubles when the bin runs empty or full, up to limits for one
 * thread and for all threads together. So a thread that works with many objects of one size soon
 * does so without slow paths. From time to time, each bin that has had no slow path for long gives
 * back half of its objects, and loses half of its room. (TCMalloc's design notes describe these
 * policies.)
 */
#include "front/bins.h"

#include <string.h>

#include "chunk/limit.h"
#include "os/meta.h"

/*
 * Limits of the rooms, in bytes: of one bin, of a thread, and of all threads. With a limit for the
 * process's memory, all rooms are at most an eighth of that limit.
 */
#define BIN_BYTES ((size_t)1 << 20)
#define THREAD_BYTES ((size_t)2 << 20)
#define ALL_BYTES ((size_t)64 << 20)
#define PART_OF_LIMIT 8

/*
 * The most objects that a bin may hold: programs build and tear down structures of about this many
 * small objects.
 */
#define ROOM_MAX 32768
#define LONG_STACK 1024

/*
 * The first room of a bin; and the room from which on a bin grows only if it runs full and empty in
 * turn. The first room is small because each thread has one for each size that it uses, and cached
 * objects keep their chunks.
 */
#define FIRST_BYTES ((size_t)1 << 10)
#define ONE_WAY_BYTES (2 * PN_BATCH_BYTES)

/* Limits of a bin of objects that the thread does not own, in bytes and in objects. */
#define OTHERS_BYTES ((size_t)16 << 10)
#define OTHERS_MAX 64

/* Slow paths between two searches for unused bins. */
#define MISSES 4096

/* How many medium objects of a bin are compared with a request. */
#define FITTING_TRIES 4

/* Bytes that the bins of all threads may hold. */
static size_t granted;

static bool is_medium(unsigned int index)
{
	return index >= PN_BIN_MEDIUM && index < PN_BIN_OTHERS;
}

static bool is_others(unsigned int index)
{
	return index >= PN_BIN_OTHERS;
}

/*
 * Returns the size of the largest object that the bin may contain; 0 for a class that is not in
 * use.
 */
static size_t object_bytes(unsigned int index)
{
	if (is_medium(index))
		return pn_medium_bin_pages(index - PN_BIN_MEDIUM) << PN_PAGE_SHIFT;
	if (is_others(index))
		index -= PN_BIN_OTHERS;
	return pn_classes[index].size;
}

/* Returns the most objects that the bin may ever hold. */
static uint32_t max_room(unsigned int index)
{
	size_t size = object_bytes(index);

	if (is_others(index))
		return size ? pn_bin_count_fitting(OTHERS_BYTES, size, OTHERS_MAX) : 0;
	return size ? pn_bin_count_fitting(is_medium(index) ? 2 * BIN_BYTES : BIN_BYTES, size,
					   ROOM_MAX)
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
	} else {
		/* The thread may have adopted some of the others' slabs meanwhile. */
		pn_owner_give(&cache->owner, is_others(index) ? index - PN_BIN_OTHERS : index,
			      bin->objects, count);
	}
	pn_bin_set_count(bin, bin->count - count);
	memmove(bin->objects, bin->objects + count, bin->count * sizeof(*bin->objects));
}

/* Returns the bytes that all medium bins, or all other bins, of the cache may hold. */
PN_UNUSED_IN_RELEASE static size_t bytes_of_rooms(const struct pn_tcache *cache, bool of_medium)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < PN_BINS; i++)
		if (is_medium(i) == of_medium && cache->bins[i].room)
			bytes += cache->bins[i].room * object_bytes(i);
	return bytes;
}

void pn_bin_set_room(struct pn_tcache *cache, unsigned int index, uint32_t room)
{
	struct pn_bin *bin = &cache->bins[index];
	size_t bytes = ((size_t)room - bin->room) * object_bytes(index);
	size_t *sum = is_medium(index) ? &cache->medium_granted : &cache->granted;

	pn_assert(bin->count <= room && room <= max_room(index));
	bin->room = room;
	/* The cache's own thread reads @medium_granted while another thread may change it. */
	__atomic_store_n(sum, *sum + bytes, __ATOMIC_RELAXED);
	pn_assert_slow(*sum == bytes_of_rooms(cache, is_medium(index)));
	if (cache->owner.epoch == pn_arena.epoch)
		__atomic_fetch_add(&granted, bytes, __ATOMIC_RELAXED);
}

/*
 * Replaces the stack of a bin by a longer one if it is too short for @room objects. Stacks begin
 * short too, so that the stacks of a thread that does little share a page or two. The memory of a
 * replaced stack is not used again; all stacks that a bin has lost are together at most as long as
 * its present one. A stack of more than LONG_STACK objects is made as long as the bin's limit at
 * once: its unused part costs only addresses. Return: false if there is no memory.
 */
static bool lengthen_stack(struct pn_tcache *cache, unsigned int index, uint32_t room)
{
	struct pn_bin *bin = &cache->bins[index];
	struct pn_free *stack;

	if (room <= cache->capacity[index])
		return true;
	if (room > LONG_STACK)
		room = max_room(index);
	stack = pn_meta_alloc(room * sizeof(*stack));
	if (!stack)
		return false;
	if (bin->count)
		memcpy(stack, bin->objects, bin->count * sizeof(*stack));
	bin->objects = stack;
	cache->capacity[index] = (uint16_t)room;
	return true;
}

bool pn_bin_note_alternation(struct pn_tcache *cache, unsigned int index, bool is_full)
{
	bool alternates = cache->was_full[index] != is_full;

	cache->was_full[index] = is_full;
	return alternates;
}

/* Returns the bytes that the bins of all threads may hold. */
static size_t limit_of_all(void)
{
	uint64_t chunks = pn_limit_get();

	return chunks >= PART_OF_LIMIT * ALL_BYTES / PN_CHUNK_SIZE
		       ? ALL_BYTES
		       : (size_t)chunks * (PN_CHUNK_SIZE / PART_OF_LIMIT);
}

/* Returns true if the limits allow @bytes more of room. */
static bool is_within_limits(const struct pn_tcache *cache, size_t bytes)
{
	size_t of_thread =
		cache->granted + __atomic_load_n(&cache->medium_granted, __ATOMIC_RELAXED);

	return of_thread + bytes <= THREAD_BYTES &&
	       __atomic_load_n(&granted, __ATOMIC_RELAXED) + bytes <= limit_of_all();
}

/* Returns the first room of a bin; 0 if the objects are too large for what all threads may hold. */
static uint32_t first_room(size_t size, uint32_t most)
{
	if (size > FIRST_BYTES &&
	    __atomic_load_n(&granted, __ATOMIC_RELAXED) + FIRST_BYTES > limit_of_all())
		return 0;
	return pn_bin_count_fitting(FIRST_BYTES, size, most);
}

bool pn_bin_grow(struct pn_tcache *cache, unsigned int index, bool alternates)
{
	struct pn_bin *bin = &cache->bins[index];
	size_t size = object_bytes(index), bytes;
	uint32_t most = max_room(index), room = 2 * bin->room;

	if (is_others(index))
		room = most;
	else if (!bin->room)
		room = first_room(size, most);
	if (room > most)
		room = most;
	bytes = (room - bin->room) * size;
	if (room == bin->room || (!alternates && bin->room * size >= ONE_WAY_BYTES))
		return false;
	if ((bin->room || bytes > FIRST_BYTES) && !is_within_limits(cache, bytes))
		return false;
	if (!lengthen_stack(cache, index, room))
		return false;
	pn_bin_set_room(cache, index, room);
	return true;
}

/*
 * Gives back half of the objects of a bin, and halves its room if the other objects still fit. The
 * room of a bin for a single object becomes 0.
 */
static void shrink(struct pn_tcache *cache, unsigned int index)
{
	struct pn_bin *bin = &cache->bins[index];

	pn_bin_flush_oldest(cache, index, bin->count - bin->count / 2);
	if (bin->room / 2 >= bin->count)
		pn_bin_set_room(cache, index, bin->room / 2);
}

void pn_bin_shrink_unused(struct pn_tcache *cache)
{
	bool has_medium = pn_bin_enter_medium(cache);

	cache->misses = 0;
	for (unsigned int i = 0; i < PN_BINS; i++) {
		if (is_medium(i) && !has_medium)
			continue;
		if (!cache->was_used[i] && cache->bins[i].room)
			shrink(cache, i);
		cache->was_used[i] = false;
	}
	if (has_medium)
		pn_bin_leave_medium(cache);
}

void pn_bin_note_slow_path(struct pn_tcache *cache, unsigned int index)
{
	cache->was_used[index] = true;
	if (++cache->misses > MISSES)
		pn_bin_shrink_unused(cache);
}

bool pn_bin_flush_all(struct pn_tcache *cache)
{
	bool has_medium = __atomic_load_n(&cache->medium_bytes, __ATOMIC_RELAXED) &&
			  pn_bin_enter_medium(cache);
	bool was_any = false;

	for (unsigned int i = 0; i < PN_BINS; i++) {
		if ((is_medium(i) && !has_medium) || !cache->bins[i].count)
			continue;
		pn_bin_flush_oldest(cache, i, cache->bins[i].count);
		was_any = true;
	}
	if (has_medium)
		pn_bin_leave_medium(cache);
	return was_any;
}

void pn_bin_mark(const struct pn_bin *bin, unsigned int class)
{
	bool has_gaps = pn_class_has_gaps(class);

	for (uint32_t i = 0; i < bin->count; i++) {
		void *object = bin->objects[i].object;

		if (pn_free_is_unused(&bin->objects[i]))
			pn_mark_free(object);
		else if (has_gaps)
			pn_mark_check(object);
		if (has_gaps)
			pn_marks_check_gaps(pn_slab_at(pn_arena_offset(object)), object);
	}
}

void pn_bin_check_newest(struct pn_tcache *cache, unsigned int class)
{
	pn_bin_check(&cache->bins[class]);
	pn_bin_check(&cache->bins[cache->filled]);
	if (!__atomic_load_n(&cache->medium_bytes, __ATOMIC_RELAXED) || !pn_bin_enter_medium(cache))
		return;
	pn_bin_check(&cache->bins[cache->newest_medium]);
	pn_bin_leave_medium(cache);
}

/*
 * Searches the newest objects of a medium bin for one of @size bytes or up to a quarter more, and
 * moves it to the top of the stack. Return: false if there is none.
 */
static bool find_fitting(struct pn_bin *bin, size_t size)
{
	uint32_t tries = bin->count < FITTING_TRIES ? bin->count : FITTING_TRIES;

	for (uint32_t i = 1; i <= tries; i++) {
		struct pn_free found = bin->objects[bin->count - i];
		size_t has = pn_bin_medium_size(found.object);

		if (has < size || has > size + size / 4)
			continue;
		if (i > 1) {
			bin->objects[bin->count - i] = bin->objects[bin->count - 1];
			bin->objects[bin->count - 1] = found;
		}
		return true;
	}
	return false;
}

void *pn_bin_pop_fitting(struct pn_tcache *cache, unsigned int index, size_t size)
{
	void *object;

	if (!find_fitting(&cache->bins[index], size))
		return NULL;
	pn_bin_check(&cache->bins[index]);
	object = pn_bin_pop(&cache->bins[index]);
	pn_assert(object && pn_bin_medium_size(object) >= size);
	pn_assert(cache->medium_bytes >= pn_bin_medium_size(object));
	pn_bin_count_medium(cache, -pn_bin_medium_size(object));
	return object;
}

static size_t rob(struct pn_tcache *cache, unsigned int index, void **objects, size_t most)
{
	struct pn_bin *bin = &cache->bins[index];
	size_t got = 0;

	while (got < most && bin->count) {
		objects[got] = bin->objects[bin->count - 1].object;
		pn_bin_count_medium(cache, -pn_bin_medium_size(objects[got++]));
		pn_bin_set_count(bin, bin->count - 1);
	}
	if (!bin->count && bin->room)
		pn_bin_set_room(cache, index, 0);
	return got;
}

size_t pn_bin_rob_medium(struct pn_tcache *cache, void **objects, size_t most)
{
	size_t got = 0;

	if (!__atomic_load_n(&cache->medium_bytes, __ATOMIC_RELAXED) || !pn_bin_enter_medium(cache))
		return 0;
	for (unsigned int i = PN_BIN_MEDIUM; i < PN_BIN_OTHERS && got < most; i++)
		got += rob(cache, i, objects + got, most - got);
	pn_bin_leave_medium(cache);
	return got;
}

void pn_bin_in_child(void)
{
	__atomic_store_n(&granted, 0, __ATOMIC_RELAXED);
}

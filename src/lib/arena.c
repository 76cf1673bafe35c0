// SPDX-License-Identifier: MIT
/*
 * The arena's slots: reserving, populating, cutting into units, keeping empty
 * chunks for a while, giving them back.
 *
 * Everything is under one lock, which is taken once for a slab or a large object,
 * not for an object. The backend is called with the lock held. Fast paths read
 * pn_arena and its tables without it: a slot's entries are complete before the
 * first pointer into it is handed out.
 *
 * Three kinds of lists, linked by slot numbers: EMPTY chunks, newest first; and
 * SLABS chunks with room, by the order of the largest aligned run of free units.
 */
#include "arena.h"

#include <errno.h>
#include <string.h>

#include "backend.h"
#include "lock.h"
#include "reserve.h"
#include "slotlist.h"
#include "sys.h"

/* Between looks whether a forked child has gone. */
#define MEND_PAUSE_MIN_MS 10
#define MEND_PAUSE_MAX_MS 1000

#define ORDERS 5 /* 1, 2, 4, 8, 16 units; all 32 free makes the chunk EMPTY */

struct pn_arena pn_arena __attribute__((aligned(PN_CACHE_LINE)));

static struct pn_lock lock = PN_LOCK_INIT;
static const struct pn_backend *backend;
static struct pn_config config;
static size_t slot_count;
static size_t extent_slots;
/* Slots below are not populated any more: they belong to a parent or a lost pool. */
static size_t floor_slot;
/* Slots from here on have never been used. */
static size_t unused_slot;
static uint16_t pool;
static bool is_backend_open;
static struct pn_slot_list empty;
static struct pn_slot_list partial[ORDERS];
static struct pn_arena_stats stats;
/* When to look next what a fork left to mend, and how long to wait after that; 0: nothing. */
static uint64_t mend_ms;
static uint64_t mend_pause_ms;

/* Read without the lock by pinned_owns() and pinned_p2v(). */
static void set_state(struct pn_slot *slot, enum pn_slot_state state)
{
	__atomic_store_n(&slot->state, (uint8_t)state, __ATOMIC_RELAXED);
}

static void set_unused_slot(size_t slot)
{
	__atomic_store_n(&unused_slot, slot, __ATOMIC_RELAXED);
}

/*
 * Free runs of 2^order units at multiples of 2^order, as a mask of their first
 * units: each step keeps the pairs of neighbours of the step before.
 */
static uint32_t aligned_runs(uint32_t mask, unsigned int order)
{
	static const uint32_t firsts[] = { 0x55555555, 0x11111111, 0x01010101, 0x00010001, 1 };

	for (unsigned int i = 0; i < order; i++)
		mask &= (mask >> (1u << i)) & firsts[i];
	return mask;
}

/* The order of the largest aligned free run; @mask is neither 0 nor full. */
static unsigned int largest_order(uint32_t mask)
{
	unsigned int order = ORDERS - 1;

	while (!aligned_runs(mask, order))
		order--;
	return order;
}

/* Initialisation. */

static const struct pn_backend *backend_of(enum pn_backend_kind kind)
{
	switch (kind) {
	case PN_BACKEND_DEVICE:
		return &pn_backend_device;
	case PN_BACKEND_HUGETLB:
		return &pn_backend_hugetlb;
	default:
		return &pn_backend_anon;
	}
}

static int open_first(const enum pn_backend_kind *kinds)
{
	int err = ENODEV;

	for (; *kinds != PN_BACKEND_AUTO; kinds++) {
		backend = backend_of(*kinds);
		err = backend->open(&config);
		if (!err)
			return 0;
	}
	backend = NULL;
	return err;
}

int pn_arena_init(const struct pn_config *wanted, const enum pn_backend_kind *kinds)
{
	size_t size;
	int err;

	config = *wanted;
	err = open_first(kinds);
	if (err)
		return err;
	size = pn_reserve_most();
	if (!size) {
		backend->disown();
		backend = NULL;
		return ENOMEM;
	}
	slot_count = size / PN_CHUNK_SIZE;
	extent_slots = pn_reserve_extent_size(size) / PN_CHUNK_SIZE;
	is_backend_open = true;
	pool = 1;
	/* Last: this is what makes pn_arena_has() true of anything. */
	__atomic_store_n(&pn_arena.size, size, __ATOMIC_RELEASE);
	return 0;
}

const char *pn_arena_backend_name(void)
{
	return backend ? backend->name : "none";
}

size_t pn_arena_extent_slots(void)
{
	return extent_slots;
}

size_t pn_arena_used_slots(void)
{
	return __atomic_load_n(&unused_slot, __ATOMIC_RELAXED);
}

/* Populating and punching. */

/* Slots that anybody has used belong to another pool from now on; go on behind them. */
static void start_afresh(void)
{
	floor_slot = pn_round_up(unused_slot, extent_slots);
	set_unused_slot(floor_slot);
	pool++;
}

static int open_again(void)
{
	int err;

	backend->disown();
	err = backend->open(&config);
	is_backend_open = !err;
	return err;
}

static void set_phys(size_t slot, uint64_t phys)
{
	__atomic_store_n(&pn_arena.phys[slot], phys + 1, __ATOMIC_RELEASE);
}

static void slot_filled(size_t index, uint64_t phys)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	slot->pool = pool;
	slot->epoch = pn_arena.epoch;
	set_phys(index, phys);
}

static void count_chunks(size_t count)
{
	stats.chunks += count;
	if (stats.chunks > stats.peak_chunks)
		stats.peak_chunks = stats.chunks;
}

static bool is_over_limit(size_t count)
{
	return stats.chunks + count > config.limit / PN_CHUNK_SIZE;
}

/* Fill @count holes. Return: 0, an errno, PN_BACKEND_LOST. */
static int populate(size_t first, size_t count)
{
	uint64_t phys[64];
	size_t done = 0;
	int err = 0;

	while (done < count && !err) {
		size_t some = count - done < 64 ? count - done : 64;

		err = backend->populate(pn_arena_at((first + done) * PN_CHUNK_SIZE), first + done,
					some, phys);
		for (size_t i = 0; !err && i < some; i++)
			slot_filled(first + done + i, phys[i]);
		if (!err)
			done += some;
		stats.populate_calls++;
	}
	if (err && done) {
		for (size_t i = 0; i < done; i++)
			set_phys(first + i, PN_PHYS_UNKNOWN);
		if (err != PN_BACKEND_LOST)
			backend->punch(pn_arena_at(first * PN_CHUNK_SIZE), first, done);
	}
	if (!err)
		count_chunks(count);
	return err;
}

static bool is_punchable(const struct pn_slot *slot)
{
	return slot->state == PN_SLOT_EMPTY && slot->pool == pool;
}

/* Punch EMPTY slots from @first on, as many as are next to each other. Return: how many. */
static size_t punch_run(size_t first)
{
	size_t count = 0;

	while (first + count < slot_count && is_punchable(&pn_arena.slots[first + count])) {
		pn_slot_list_remove(&empty, first + count);
		set_state(&pn_arena.slots[first + count], PN_SLOT_HOLE);
		set_phys(first + count, PN_PHYS_UNKNOWN);
		count++;
	}
	stats.empty_chunks -= count;
	stats.punch_calls++;
	/* With a lost pool the memory stays until exit; populate() will notice, and start afresh. */
	if (backend->punch(pn_arena_at(first * PN_CHUNK_SIZE), first, count))
		return 0;
	stats.chunks -= count;
	return count;
}

/* The oldest EMPTY slot that can be given back and is at least @age_ms old, or SIZE_MAX. */
static size_t oldest_empty(uint64_t age_ms)
{
	uint64_t now = pn_sys_now_ms();
	uint32_t link = empty.last;

	while (link && !is_punchable(&pn_arena.slots[link - 1]))
		link = pn_arena.slots[link - 1].prev;
	if (!link || now - pn_arena.slots[link - 1].emptied_ms < age_ms)
		return SIZE_MAX;
	return link - 1;
}

static size_t purge_older(uint64_t age_ms)
{
	size_t count = 0;
	size_t slot;

	while ((slot = oldest_empty(age_ms)) != SIZE_MAX) {
		size_t punched = punch_run(slot);

		if (!punched)
			break;
		count += punched;
	}
	return count;
}

static void slot_emptied(size_t index)
{
	struct pn_slot *slot = &pn_arena.slots[index];

	set_state(slot, PN_SLOT_EMPTY);
	slot->emptied_ms = pn_sys_now_ms();
	pn_slot_list_push(&empty, index);
	stats.empty_chunks++;
}

/*
 * What a slow path does for the whole: give back what has been empty for long, and
 * mend after a fork as soon as the child has gone. A child may live for long, so
 * the pauses between looks grow.
 */
static void tidy(void)
{
	uint64_t now;

	purge_older(config.decay_ms);
	if (pn_likely(!mend_pause_ms))
		return;
	now = pn_sys_now_ms();
	if (now < mend_ms)
		return;
	if (mend_pause_ms < MEND_PAUSE_MAX_MS)
		mend_pause_ms *= 2;
	mend_ms = now + mend_pause_ms;
	if (!is_backend_open || backend->mend(pn_arena_at(0)))
		mend_pause_ms = 0;
}

/* Runs of slots. */

static bool is_available(size_t slot)
{
	return pn_arena.slots[slot].state == PN_SLOT_HOLE ||
	       (pn_arena.slots[slot].state == PN_SLOT_EMPTY && pn_arena.slots[slot].pool == pool);
}

/* First fit from the floor. Return: first slot of the run, or SIZE_MAX. */
static size_t find_run(size_t count, size_t alignment)
{
	size_t first = pn_round_up(floor_slot, alignment);
	size_t at = first;

	while (first + count <= slot_count) {
		if (at == first + count || at >= unused_slot)
			return first;
		if (is_available(at)) {
			at++;
			continue;
		}
		/* A large object is stepped over whole. */
		at += pn_arena.slots[at].state == PN_SLOT_LARGE ? pn_arena.slots[at].run : 1;
		first = pn_round_up(at, alignment);
		at = first;
	}
	return SIZE_MAX;
}

/* Slots of a run that have no memory yet. */
static size_t count_holes(size_t first, size_t count)
{
	size_t holes = 0;

	for (size_t i = 0; i < count; i++)
		holes += pn_arena.slots[first + i].state == PN_SLOT_HOLE;
	return holes;
}

/* Fill the run's holes, each stretch of them at once; on failure they become EMPTY slots. */
static int fill_holes(size_t first, size_t count)
{
	size_t i = 0;
	int err = 0;

	while (i < count && !err) {
		size_t holes = 0;

		while (i + holes < count && pn_arena.slots[first + i + holes].state == PN_SLOT_HOLE)
			holes++;
		if (holes)
			err = populate(first + i, holes);
		for (size_t k = 0; !err && k < holes; k++)
			slot_emptied(first + i + k);
		i += holes ? holes : 1;
	}
	return err;
}

/* One try. Return: 0 with *first, or as populate(). */
static int try_run(size_t count, size_t alignment, size_t *first, bool *is_zeroed)
{
	size_t holes;
	int err;

	*first = find_run(count, alignment);
	if (*first == SIZE_MAX)
		return ENOMEM;
	holes = count_holes(*first, count);
	if (is_over_limit(holes))
		return ENOMEM;
	*is_zeroed = holes == count;
	if (*first + count > unused_slot)
		set_unused_slot(*first + count);
	err = fill_holes(*first, count);
	for (size_t i = 0; !err && i < count; i++) {
		pn_slot_list_remove(&empty, *first + i);
		stats.empty_chunks--;
	}
	return err;
}

/*
 * A run of populated slots, in no list. Tries again after what can help: a new
 * pool when the old one is lost, giving empty chunks back when memory is short.
 */
static int take_run(size_t count, size_t alignment, size_t *first, bool *is_zeroed)
{
	int err;

	if (!is_backend_open && open_again())
		return ENOMEM;
	err = try_run(count, alignment, first, is_zeroed);
	if (err == PN_BACKEND_LOST) {
		if (open_again())
			return ENOMEM;
		start_afresh();
		err = try_run(count, alignment, first, is_zeroed);
	} else if (err && purge_older(0)) {
		err = try_run(count, alignment, first, is_zeroed);
	}
	return err;
}

/* One chunk: the newest EMPTY one, whose pool does not matter, or a new one. */
static size_t take_chunk(void)
{
	bool is_zeroed;
	size_t slot;

	if (!empty.first)
		return take_run(1, 1, &slot, &is_zeroed) ? SIZE_MAX : slot;
	slot = empty.first - 1;
	pn_slot_list_remove(&empty, slot);
	stats.empty_chunks--;
	return slot;
}

size_t pn_arena_take_slots(size_t count, size_t alignment, bool *is_zeroed)
{
	size_t first = SIZE_MAX;

	if (count > slot_count)
		return SIZE_MAX;
	pn_lock(&lock);
	tidy();
	if (take_run(count, alignment, &first, is_zeroed)) {
		first = SIZE_MAX;
	} else {
		for (size_t i = 0; i < count; i++)
			set_state(&pn_arena.slots[first + i], PN_SLOT_LARGE_TAIL);
		set_state(&pn_arena.slots[first], PN_SLOT_LARGE);
		pn_arena.slots[first].run = (uint32_t)count;
		pn_arena.slots[first].was_large = false;
		stats.large_chunks += count;
	}
	pn_unlock(&lock);
	return first;
}

void pn_arena_give_slots(size_t first, size_t count)
{
	pn_lock(&lock);
	for (size_t i = 0; i < count; i++)
		slot_emptied(first + i);
	stats.large_chunks -= count;
	tidy();
	pn_unlock(&lock);
}

/* Units. */

/* A chunk with room for 2^order units, out of its list. Return: SIZE_MAX without memory. */
static size_t chunk_with_room(unsigned int order)
{
	size_t index;

	for (unsigned int i = order; i < ORDERS; i++) {
		if (!partial[i].first)
			continue;
		index = partial[i].first - 1;
		pn_slot_list_remove(&partial[i], index);
		return index;
	}
	index = take_chunk();
	if (index != SIZE_MAX) {
		set_state(&pn_arena.slots[index], PN_SLOT_SLABS);
		pn_arena.slots[index].free_units = UINT32_MAX;
		pn_arena.slots[index].was_large = false;
	}
	return index;
}

static uint32_t units_mask(size_t first, size_t units)
{
	return (uint32_t)((((uint64_t)1 << units) - 1) << first);
}

size_t pn_arena_take_units(size_t units)
{
	unsigned int order = (unsigned int)__builtin_ctzl(units);
	struct pn_slot *slot;
	size_t index, unit;

	pn_lock(&lock);
	tidy();
	index = chunk_with_room(order);
	if (index == SIZE_MAX) {
		pn_unlock(&lock);
		return SIZE_MAX;
	}
	slot = &pn_arena.slots[index];
	unit = (size_t)__builtin_ctz(aligned_runs(slot->free_units, order));
	slot->free_units &= ~units_mask(unit, units);
	if (slot->free_units)
		pn_slot_list_push(&partial[largest_order(slot->free_units)], index);
	pn_unlock(&lock);
	return index * PN_CHUNK_UNITS + unit;
}

void pn_arena_give_units(size_t first, size_t units)
{
	size_t index = first / PN_CHUNK_UNITS;
	struct pn_slot *slot = &pn_arena.slots[index];

	pn_lock(&lock);
	if (slot->free_units)
		pn_slot_list_remove(&partial[largest_order(slot->free_units)], index);
	slot->free_units |= units_mask(first % PN_CHUNK_UNITS, units);
	if (slot->free_units == UINT32_MAX)
		slot_emptied(index);
	else
		pn_slot_list_push(&partial[largest_order(slot->free_units)], index);
	tidy();
	pn_unlock(&lock);
}

/* Purge, figures, fork. */

size_t pn_arena_purge(void)
{
	size_t count;

	pn_lock(&lock);
	count = purge_older(0);
	pn_unlock(&lock);
	return count;
}

struct pn_arena_stats pn_arena_get_stats(void)
{
	struct pn_arena_stats copy;

	pn_lock(&lock);
	copy = stats;
	pn_unlock(&lock);
	return copy;
}

void pn_arena_lock(void)
{
	pn_lock(&lock);
}

void pn_arena_unlock(void)
{
	pn_unlock(&lock);
}

void pn_arena_after_fork(void)
{
	if (backend && backend->mend) {
		mend_pause_ms = MEND_PAUSE_MIN_MS;
		mend_ms = pn_sys_now_ms() + mend_pause_ms;
	}
	if (!backend || !backend->after_fork)
		return;
	for (size_t i = 0; i < unused_slot; i++) {
		uint64_t phys;

		if (!pn_arena.phys[i])
			continue;
		backend->after_fork(pn_arena_at(i * PN_CHUNK_SIZE), 1, &phys);
		set_phys(i, phys);
	}
}

void pn_arena_in_child(void)
{
	pn_lock_reset(&lock);
	if (!backend || backend->survives_fork)
		return;
	backend->disown();
	is_backend_open = false;
	pn_arena.epoch++;
	start_afresh();
	empty = (struct pn_slot_list){ 0 };
	memset(partial, 0, sizeof(partial));
	stats = (struct pn_arena_stats){ 0 };
	mend_pause_ms = 0;
}

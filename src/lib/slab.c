// SPDX-License-Identifier: MIT
/*
 * Slabs and the central lists, one for each class with a lock of its own.
 *
 * A slab with room is in its class's list; a full one is found again by the
 * arena's table when an object comes back. One that becomes empty goes back to
 * the arena, unless it is small and the last with room: the next allocation
 * needs it.
 */
#include "slab.h"

#include <string.h>

#include "lock.h"
#include "meta.h"

struct central {
	struct pn_lock lock;
	struct pn_slab *partial;
	struct pn_slab *spare_records;
	uint64_t out;
} __attribute__((aligned(PN_CACHE_LINE)));

static struct central centrals[PN_CLASSES] = {
	[0 ... PN_CLASSES - 1] = { .lock = PN_LOCK_INIT },
};

static size_t state_size(const struct pn_class *class)
{
	return pn_round_up(class->count, sizeof(uint64_t));
}

static size_t free_words(const struct pn_class *class)
{
	return (class->count + 63u) / 64;
}

static uint64_t *free_bits(struct pn_slab *slab)
{
	return (uint64_t *)(void *)(slab->state + state_size(&pn_classes[slab->class]));
}

/* The list of slabs with room. */

static void list_push(struct central *central, struct pn_slab *slab)
{
	slab->prev = NULL;
	slab->next = central->partial;
	if (central->partial)
		central->partial->prev = slab;
	central->partial = slab;
	slab->is_listed = true;
}

static void list_remove(struct central *central, struct pn_slab *slab)
{
	if (slab->prev)
		slab->prev->next = slab->next;
	else
		central->partial = slab->next;
	if (slab->next)
		slab->next->prev = slab->prev;
	slab->is_listed = false;
}

/* Making and unmaking slabs. */

static struct pn_slab *take_record(struct central *central, const struct pn_class *class)
{
	struct pn_slab *record = central->spare_records;
	size_t size = offsetof(struct pn_slab, state) + state_size(class) + free_words(class) * 8;

	if (!record)
		return pn_meta_alloc(size);
	central->spare_records = record->next;
	memset(record, 0, size);
	return record;
}

static void give_record(struct central *central, struct pn_slab *record)
{
	record->next = central->spare_records;
	central->spare_records = record;
}

static void set_slab_of_units(size_t offset, size_t units, struct pn_slab *slab)
{
	for (size_t i = 0; i < units; i++)
		__atomic_store_n(&pn_arena.slabs[(offset >> PN_UNIT_SHIFT) + i], slab,
				 __ATOMIC_RELEASE);
}

static void set_all_free(struct pn_slab *slab)
{
	uint64_t *bits = free_bits(slab);

	for (size_t i = 0; i < slab->count; i++)
		bits[i / 64] |= (uint64_t)1 << (i % 64);
	slab->free = slab->count;
}

static struct pn_slab *make_slab(struct central *central, unsigned int index)
{
	const struct pn_class *class = &pn_classes[index];
	struct pn_slab *slab = take_record(central, class);
	size_t unit;

	if (!slab)
		return NULL;
	unit = pn_arena_take_units(class->units);
	if (unit == SIZE_MAX) {
		give_record(central, slab);
		return NULL;
	}
	slab->offset = unit << PN_UNIT_SHIFT;
	slab->magic = class->magic;
	slab->pitch = class->pitch;
	slab->class = (uint16_t)index;
	slab->count = class->count;
	slab->epoch = pn_arena.epoch;
	set_all_free(slab);
	set_slab_of_units(slab->offset, class->units, slab);
	list_push(central, slab);
	return slab;
}

static void unmake_slab(struct central *central, struct pn_slab *slab)
{
	size_t units = pn_classes[slab->class].units;

	list_remove(central, slab);
	set_slab_of_units(slab->offset, units, NULL);
	pn_arena_give_units(slab->offset >> PN_UNIT_SHIFT, units);
	give_record(central, slab);
}

/* A whole chunk is not kept for one object that may come. */
static bool is_worth_keeping(const struct central *central, const struct pn_slab *slab)
{
	return central->partial == slab && !slab->next &&
	       pn_classes[slab->class].units < PN_CHUNK_UNITS;
}

/* Objects. */

/* Of a parent's list, when a signal handler forked while its thread was in here. */
static void drop_inherited(struct central *central)
{
	while (central->partial && central->partial->epoch != pn_arena.epoch)
		list_remove(central, central->partial);
}

static size_t take_from_slab(struct pn_slab *slab, void **objects, size_t wanted)
{
	uint64_t *bits = free_bits(slab);
	size_t got = 0;

	while (got < wanted && slab->free) {
		size_t index;

		while (!bits[slab->scan])
			slab->scan++;
		index = slab->scan * 64u + (size_t)__builtin_ctzll(bits[slab->scan]);
		bits[slab->scan] &= bits[slab->scan] - 1;
		slab->free--;
		objects[got++] = pn_arena_at(slab->offset + index * slab->pitch);
	}
	return got;
}

size_t pn_slab_take(unsigned int class, void **objects, size_t wanted)
{
	struct central *central = &centrals[class];
	size_t got = 0;

	pn_lock(&central->lock);
	while (got < wanted) {
		struct pn_slab *slab;

		drop_inherited(central);
		slab = central->partial;
		/* A new slab only for the first object: a batch need not be full. */
		if (!slab && !got)
			slab = make_slab(central, class);
		if (!slab)
			break;
		got += take_from_slab(slab, objects + got, wanted - got);
		if (!slab->free)
			list_remove(central, slab);
	}
	central->out += got;
	pn_unlock(&central->lock);
	return got;
}

static void give_one(struct central *central, void *object)
{
	size_t offset = pn_arena_offset(object);
	struct pn_slab *slab = pn_slab_at(offset);
	size_t index = pn_slab_index(slab, offset);

	free_bits(slab)[index / 64] |= (uint64_t)1 << (index % 64);
	if (index / 64 < slab->scan)
		slab->scan = (uint16_t)(index / 64);
	slab->free++;
	if (!slab->is_listed)
		list_push(central, slab);
	if (slab->free == slab->count && !is_worth_keeping(central, slab))
		unmake_slab(central, slab);
}

void pn_slab_give(unsigned int class, void *const *objects, size_t count)
{
	struct central *central = &centrals[class];

	pn_lock(&central->lock);
	for (size_t i = 0; i < count; i++)
		give_one(central, objects[i]);
	central->out -= count;
	pn_unlock(&central->lock);
}

/* Figures and fork. */

uint64_t pn_slab_bytes_out(void)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < PN_CLASSES; i++) {
		pn_lock(&centrals[i].lock);
		bytes += centrals[i].out * pn_classes[i].size;
		pn_unlock(&centrals[i].lock);
	}
	return bytes;
}

void pn_slab_lock_all(void)
{
	for (size_t i = 0; i < PN_CLASSES; i++)
		pn_lock(&centrals[i].lock);
}

void pn_slab_unlock_all(void)
{
	for (size_t i = PN_CLASSES; i > 0; i--)
		pn_unlock(&centrals[i - 1].lock);
}

void pn_slab_in_child(bool is_inherited)
{
	for (size_t i = 0; i < PN_CLASSES; i++) {
		pn_lock_reset(&centrals[i].lock);
		if (is_inherited) {
			centrals[i].partial = NULL;
			centrals[i].out = 0;
		}
	}
}

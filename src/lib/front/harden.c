// SPDX-License-Identifier: MIT
/*
 * The quarantine is one ring for all threads, oldest object first, apart from the objects. Its lock
 * covers only the ring: an object that leaves the ring is checked and given back without the lock.
 *
 * The ring has one place for each 64 bytes of its limit. If the objects are smaller, the ring is
 * full before they reach the limit, and the oldest object leaves the ring already then.
 */
#include "front/harden.h"

#include <errno.h>
#include <string.h>

#include "object/central.h"
#include "object/large.h"
#include "object/written.h"
#include "object/medium.h"
#include "os/die.h"
#include "os/lock.h"
#include "os/random.h"
#include "os/sys.h"
#include "os/watch.h"

#define BYTES_PER_PLACE 64
#define PLACES_MIN 64

/* How far from a small object writes are found when the object is freed. */
#define CHECKED_BYTES PN_CACHE_LINE

struct pn_harden pn_harden;

/* Covers the ring. A thread acquires this lock while it holds no other; see runtime.c. */
static struct pn_lock lock = PN_LOCK_INIT;
static void **ring;
static size_t places;
/* The number of the oldest object, which only grows; modulo @places it is the object's place. */
static size_t first;
static size_t count;
static uint64_t bytes;
PN_WATCH_VARIABLE(quarantine_bytes, bytes);

int pn_harden_init(const struct pn_config *config)
{
	if (config->quarantine) {
		places = config->quarantine / BYTES_PER_PLACE;
		if (places < PLACES_MIN)
			places = PLACES_MIN;
		if (places > SIZE_MAX / sizeof(*ring))
			return ENOMEM;
		ring = pn_sys_table(places * sizeof(*ring));
		if (!ring)
			return ENOMEM;
	}
	pn_harden.zeroes = config->zero_on_free;
	pn_marks.unused_is_zero = config->zero_on_free;
	pn_harden.delayed_bytes = config->quarantine;
	if (config->is_random)
		pn_random_init();
	return 0;
}

/* Objects. */

/* Returns the slab or medium record of a freed object; NULL for a large one. */
static struct pn_slab *slab_of(const void *ptr)
{
	struct pn_slab *slab = pn_slab_at(pn_arena_offset(ptr));

	return slab && !pn_medium_is_freed_mark(slab) ? slab : NULL;
}

static size_t size_of(const void *ptr)
{
	const struct pn_slab *slab = slab_of(ptr);

	if (slab)
		return slab->size;
	return (size_t)pn_arena.slots[pn_arena_offset(ptr) >> PN_CHUNK_SHIFT].run << PN_CHUNK_SHIFT;
}

/* Returns true if the first @size bytes of an object are zeros. All sizes are multiples of 16. */
static bool is_zero(const char *object, size_t size)
{
	static const uint64_t zero;

	return !memcmp(object, &zero, sizeof(zero)) &&
	       !memcmp(object, object + sizeof(zero), size - sizeof(zero));
}

/* Dies if not all of an object is zero. */
static void check_zero(const char *object, size_t size)
{
	if (!is_zero(object, size))
		pn_die_written(object);
}

static void give_back(void *ptr)
{
	struct pn_slab *slab = slab_of(ptr);
	struct pn_free object = { .object = ptr };

	if (!slab) {
		pn_large_give(ptr);
	} else if (pn_slab_is_medium(slab)) {
		pn_medium_free(ptr);
	} else {
		object.state = &slab->state[pn_slab_index(slab, pn_arena_offset(ptr))];
		pn_central_give(slab->heap, slab->class, &object, 1);
	}
}

/* The ring. */

static void *pop_oldest_locked(void)
{
	void *oldest;

	pn_lock_assert_held(&lock);
	if (!count)
		return NULL;
	oldest = ring[first++ % places];
	count--;
	pn_assert(bytes >= size_of(oldest));
	__atomic_store_n(&bytes, bytes - size_of(oldest), __ATOMIC_RELAXED);
	return oldest;
}

static void push_locked(void *ptr, size_t size)
{
	pn_lock_assert_held(&lock);
	pn_assert(count < places && bytes + size <= pn_harden.delayed_bytes);
	ring[(first + count++) % places] = ptr;
	__atomic_store_n(&bytes, bytes + size, __ATOMIC_RELAXED);
}

/*
 * Adds an object of @size bytes to the ring, if there is room. Return: NULL after it was added;
 * else the oldest object, which was removed to make room, and the caller tries again.
 */
static void *push_or_pop_oldest(void *ptr, size_t size)
{
	void *oldest = NULL;

	pn_lock(&lock);
	if (count == places || bytes + size > pn_harden.delayed_bytes)
		oldest = pop_oldest_locked();
	else
		push_locked(ptr, size);
	pn_unlock(&lock);
	return oldest;
}

/* Checks an object that leaves the quarantine, and gives it back. */
static void end_quarantine(void *ptr)
{
	if (pn_harden.zeroes)
		check_zero(ptr, size_of(ptr));
	give_back(ptr);
}

/*
 * Returns true if the objects within CHECKED_BYTES of an object contain only zeros, as far as they are
 * free in their slab. Threads cache nothing, so no slab has an owner, and nobody is handed one of
 * these objects while the class is locked.
 */
static bool are_neighbours_zero(struct pn_slab *slab, size_t index)
{
	struct pn_central *central = &slab->heap->centrals[slab->class];
	size_t reach = slab->size < CHECKED_BYTES ? CHECKED_BYTES / slab->size : 1;
	bool are_zero = true;

	pn_lock(&central->lock);
	for (size_t i = index < reach ? 0 : index - reach; i <= index + reach; i++)
		if (pn_slab_has_free(slab, i))
			are_zero &=
				is_zero(pn_arena_at(slab->offset + i * slab->pitch), slab->size);
	pn_unlock(&central->lock);
	return are_zero;
}

/* Dies if somebody has written to a free object beside a small object that is being freed. */
static void check_neighbours(const void *ptr)
{
	struct pn_slab *slab = slab_of(ptr);

	if (slab && !pn_slab_is_medium(slab) && !pn_slab_has_gaps(slab) &&
	    !are_neighbours_zero(slab, pn_slab_index(slab, pn_arena_offset(ptr))))
		pn_die_overflow(ptr);
}

void pn_harden_free(void *ptr)
{
	size_t size = size_of(ptr);
	void *oldest;

	if (pn_harden.zeroes) {
		check_neighbours(ptr);
		memset(ptr, 0, size);
	}
	if (size > pn_harden.delayed_bytes) {
		give_back(ptr);
		return;
	}
	while ((oldest = push_or_pop_oldest(ptr, size)))
		end_quarantine(oldest);
}

/* Checks the beginning of the object that entered the quarantine last. */
static PN_NOINLINE void check_newest(void)
{
	const char *newest = NULL;
	size_t size;

	pn_lock(&lock);
	if (count) {
		newest = ring[(first + count - 1) % places];
		size = size_of(newest);
		if (is_zero(newest, size < PN_CACHE_LINE ? size : PN_CACHE_LINE))
			newest = NULL;
	}
	pn_unlock(&lock);
	/* Handlers of the signal may allocate, so no lock is held here. */
	if (newest)
		pn_die_written(newest);
}

void pn_harden_check(const struct pn_free *object)
{
	const struct pn_slab *slab = slab_of(object->object);

	if (slab && pn_slab_has_gaps(slab))
		pn_marks_check_gaps(slab, object->object);
	if (!pn_harden.zeroes)
		return;
	check_zero(object->object, size_of(object->object));
	if (pn_harden.delayed_bytes)
		check_newest();
}

static PN_NOINLINE void *pop_oldest(void)
{
	void *oldest;

	pn_lock(&lock);
	oldest = pop_oldest_locked();
	pn_unlock(&lock);
	return oldest;
}

bool pn_harden_flush(void)
{
	bool was_any = false;
	void *oldest;

	while ((oldest = pop_oldest())) {
		end_quarantine(oldest);
		was_any = true;
	}
	return was_any;
}

/* Figures and fork. */

uint64_t pn_harden_bytes(void)
{
	return __atomic_load_n(&bytes, __ATOMIC_RELAXED);
}

void pn_harden_in_child(void)
{
	pn_lock_reset(&lock);
	count = 0;
	__atomic_store_n(&bytes, 0, __ATOMIC_RELAXED);
}

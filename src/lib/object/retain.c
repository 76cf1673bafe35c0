// SPDX-License-Identifier: MIT
/*
 * Retain counts. An object's state can count to 63. When the count grows beyond 63, a part of 32 is
 * carried into a hash table, whose key is the object's offset. Such a part is borrowed back before
 * the state would count 0.
 *
 * Any thread changes states by compare-and-exchange, without a lock. The lock covers the table and
 * PN_RETAINED_MORE in the states. The program frees an object once; the memory is given back by
 * whoever exchanges the state last: the thread that frees the object, or the thread that releases
 * it last.
 */
#include "object/retain.h"

#include <errno.h>

#include "os/die.h"
#include "os/lock.h"
#include "os/meta.h"
#include "os/sys.h"
#include "os/watch.h"

#define BUCKETS_MIN 512
#define ENTRIES_AT_ONCE 64
#define COUNT_MAX 63
#define CARRIED 32
/* CARRIED in the units of a state. */
#define CARRIED_IN_STATE (CARRIED * PN_RETAINED_ONCE)

/**
 * struct entry - an object whose retain count does not fit into its state
 * @offset: arena offset of the object's beginning
 * @count: the part of the retain count that was carried, a multiple of CARRIED
 * @next: next entry of the bucket, or next spare entry
 */
struct entry {
	size_t offset;
	uint64_t count;
	struct entry *next;
};

/* No other lock is acquired while this one is held; runtime.c describes the lock order. */
static struct pn_lock lock = PN_LOCK_INIT;
static struct entry **buckets;
/* A power of two. */
static size_t bucket_count;
static size_t entry_count;
static struct entry *spare;
/* Bytes in objects that were freed but are retained; atomic, as is each heap's @retained. */
static uint64_t held_bytes;
PN_WATCH_VARIABLE(retained_bytes, held_bytes);
static uint64_t limit_bytes;

/* The table. The caller of each function holds the lock. */

/* Uses Fibonacci hashing, because objects of one size lie at regular distances. */
static struct entry **bucket_of(struct entry **table, size_t count, size_t offset)
{
	uint64_t hash = ((uint64_t)offset >> 4) * 0x9e3779b97f4a7c15u;

	return &table[hash >> 32 & (count - 1)];
}

/* Return: the link that points to the object's entry; the link is NULL if there is no entry. */
static struct entry **find_entry(size_t offset)
{
	static struct entry *none;
	struct entry **link = bucket_count ? bucket_of(buckets, bucket_count, offset) : &none;

	pn_lock_assert_held(&lock);
	while (*link && (*link)->offset != offset)
		link = &(*link)->next;
	return link;
}

static void move_entries(struct entry **table, size_t count)
{
	for (size_t i = 0; i < bucket_count; i++) {
		while (buckets[i]) {
			struct entry *entry = buckets[i];
			struct entry **bucket = bucket_of(table, count, entry->offset);

			buckets[i] = entry->next;
			entry->next = *bucket;
			*bucket = entry;
		}
	}
}

/*
 * Enlarges a full table. Without memory the old table stays in use and becomes slower.
 * Return: false if there is no table at all.
 */
static bool enlarge_table(void)
{
	size_t count = bucket_count ? 4 * bucket_count : BUCKETS_MIN;
	struct entry **table;

	if (entry_count < bucket_count)
		return true;
	table = pn_sys_table(count * sizeof(*table));
	if (!table)
		return bucket_count != 0;
	move_entries(table, count);
	if (buckets)
		pn_sys_unmap(buckets, bucket_count * sizeof(*buckets));
	buckets = table;
	bucket_count = count;
	return true;
}

/* Returns true if each entry is in its bucket with a valid count, and entry_count is right. */
PN_UNUSED_IN_RELEASE static bool is_table_valid(void)
{
	size_t count = 0;

	for (size_t i = 0; i < bucket_count; i++)
		for (const struct entry *entry = buckets[i]; entry; entry = entry->next, count++)
			if (bucket_of(buckets, bucket_count, entry->offset) != &buckets[i] ||
			    !entry->count || entry->count % CARRIED)
				return false;
	return count == entry_count;
}

static struct entry *take_entry(void)
{
	struct entry *entry = spare;

	if (!entry) {
		entry = pn_meta_alloc(ENTRIES_AT_ONCE * sizeof(*entry));
		if (!entry)
			return NULL;
		for (size_t i = 0; i + 1 < ENTRIES_AT_ONCE; i++)
			entry[i].next = &entry[i + 1];
	}
	spare = entry->next;
	return entry;
}

/* Adds CARRIED to the object's entry, and makes the entry if needed. Return: 0 or ENOMEM. */
static int put_into_table(size_t offset)
{
	struct entry **link, *entry;

	if (!enlarge_table())
		return ENOMEM;
	link = find_entry(offset);
	if (!*link) {
		entry = take_entry();
		if (!entry)
			return ENOMEM;
		*entry = (struct entry){ .offset = offset };
		*link = entry;
		entry_count++;
	}
	(*link)->count += CARRIED;
	pn_assert_slow(is_table_valid());
	return 0;
}

static void take_from_table(size_t offset)
{
	struct entry **link = find_entry(offset), *entry = *link;

	/* The process was forked after the state was read, and the child's table is new. */
	if (!entry)
		return;
	pn_assert(entry->count >= CARRIED && !(entry->count % CARRIED));
	entry->count -= CARRIED;
	if (entry->count)
		return;
	*link = entry->next;
	entry->next = spare;
	spare = entry;
	pn_assert(entry_count);
	entry_count--;
	pn_assert_slow(is_table_valid());
}

/* States. */

static unsigned int count_of(uint8_t state)
{
	return state / PN_RETAINED_ONCE;
}

/*
 * Compare-and-exchanges a state. The order is acquire-release: whoever retains an object sees what
 * was written before, and whoever gives the memory back sees all accesses made before each release.
 */
static bool compare_exchange(uint8_t *state, uint8_t *old, unsigned int new)
{
	return __atomic_compare_exchange_n(state, old, (uint8_t) new, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/*
 * Subtracts what was added to a sum, but not below 0: a signal handler may have forked since then,
 * and in the settled child the sum is 0.
 */
static void subtract(uint64_t *sum, uint64_t amount)
{
	uint64_t old = __atomic_load_n(sum, __ATOMIC_RELAXED);

	while (!__atomic_compare_exchange_n(sum, &old, old < amount ? 0 : old - amount, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
}

/* Returns true if the process was forked after the look-up that found @object to be its own. */
static bool was_forked_since(const struct pn_object *object)
{
	uint32_t epoch = object->slab ? object->slab->epoch : object->slot->epoch;

	return epoch != __atomic_load_n(&pn_arena.epoch, __ATOMIC_RELAXED);
}

/* Adds to a sum, unless a signal handler has forked: the child does not count inherited objects. */
static void add(uint64_t *sum, uint64_t amount, const struct pn_object *object)
{
	__atomic_add_fetch(sum, amount, __ATOMIC_ACQ_REL);
	if (pn_unlikely(was_forked_since(object)))
		subtract(sum, amount);
}

/* Returns the heap from the record, which cannot change while the object is retained. */
static struct pn_heap *heap_in_record(const struct pn_object *object)
{
	return object->slab ? object->slab->heap : object->slot->heap;
}

/* Counts a heap's retained objects. The default heap is never destroyed and needs no count. */
static void add_to_heap(const struct pn_object *object)
{
	struct pn_heap *heap = heap_in_record(object);

	if (heap != &pn_heap)
		add(&heap->retained, 1, object);
}

static void subtract_from_heap(struct pn_heap *heap)
{
	if (heap != &pn_heap)
		subtract(&heap->retained, 1);
}

static int carry_locked(size_t offset, uint8_t *state)
{
	uint8_t old = __atomic_load_n(state, __ATOMIC_ACQUIRE);
	int err;

	pn_lock_assert_held(&lock);
	if (count_of(old) < COUNT_MAX)
		return 0;
	err = put_into_table(offset);
	if (err)
		return err;
	/* Other threads may release meanwhile, until there is nothing left to carry. */
	while (count_of(old) > CARRIED)
		if (compare_exchange(state, &old, (old - CARRIED_IN_STATE) | PN_RETAINED_MORE))
			return 0;
	take_from_table(offset);
	return 0;
}

static void borrow_locked(size_t offset, uint8_t *state)
{
	uint8_t old = __atomic_load_n(state, __ATOMIC_ACQUIRE);

	pn_lock_assert_held(&lock);
	/* Other threads may retain meanwhile, so that nothing need be borrowed. */
	while (count_of(old) == 1 && old & PN_RETAINED_MORE) {
		const struct entry *entry = *find_entry(offset);
		unsigned int new = old + CARRIED_IN_STATE;

		/* In a child that was forked after the state was read, the table is new. */
		if (!entry || entry->count == CARRIED)
			new &= ~PN_RETAINED_MORE;
		if (!compare_exchange(state, &old, new))
			continue;
		take_from_table(offset);
		return;
	}
}

/*
 * Carries CARRIED of a full state's count into the table. *now is the state afterwards, which
 * another thread may have filled again. Takes the lock. Return: 0 or ENOMEM.
 */
static PN_NOINLINE int carry(size_t offset, uint8_t *state, uint8_t *now)
{
	int err;

	pn_lock(&lock);
	err = carry_locked(offset, state);
	pn_unlock(&lock);
	*now = __atomic_load_n(state, __ATOMIC_ACQUIRE);
	return err;
}

/* Borrows CARRIED from the table for a state that counts 1. *now is the state afterwards. */
static PN_NOINLINE void borrow(size_t offset, uint8_t *state, uint8_t *now)
{
	pn_lock(&lock);
	borrow_locked(offset, state);
	pn_unlock(&lock);
	*now = __atomic_load_n(state, __ATOMIC_ACQUIRE);
}

/* Return: the state of an object that is retained once more; 0 with *err set if that is refused. */
static unsigned int state_retained(const struct pn_object *object, uint8_t old, int *err)
{
	if (pn_state_is_retained(old))
		return old + PN_RETAINED_ONCE;
	if (old != PN_OBJECT_LIVE)
		*err = EFAULT;
	else if (pn_retain_bytes() + object->size > limit_bytes)
		*err = ENOBUFS;
	else
		return PN_RETAINED_ONCE;
	return 0;
}

int pn_retain(const struct pn_object *object)
{
	uint8_t *state = pn_object_state(object);
	uint8_t old = pn_object_get_state(object);
	unsigned int new;
	int err = object->is_inherited ? EFAULT : 0;

	while (!err) {
		if (pn_unlikely(count_of(old) == COUNT_MAX)) {
			err = carry(object->offset, state, &old);
			continue;
		}
		new = state_retained(object, old, &err);
		if (!err && compare_exchange(state, &old, new))
			break;
	}
	if (!err && !pn_state_is_retained(old))
		add_to_heap(object);
	return err;
}

static uint8_t state_released(uint8_t old)
{
	if (count_of(old) > 1)
		return (uint8_t)(old - PN_RETAINED_ONCE);
	return old & PN_RETAINED_FREED ? PN_OBJECT_FREED : PN_OBJECT_LIVE;
}

int pn_retain_release(const struct pn_object *object, bool *is_over)
{
	uint8_t *state = pn_object_state(object);
	uint8_t old = pn_object_get_state(object), new;

	*is_over = false;
	if (object->is_inherited)
		return 0;
	for (;;) {
		if (!pn_state_is_retained(old))
			return EINVAL;
		if (pn_unlikely(count_of(old) == 1 && old & PN_RETAINED_MORE)) {
			borrow(object->offset, state, &old);
			continue;
		}
		new = state_released(old);
		if (compare_exchange(state, &old, new))
			break;
	}
	pn_assert(new == PN_OBJECT_LIVE || new == PN_OBJECT_FREED || pn_state_is_retained(new));
	if (new == PN_OBJECT_LIVE)
		subtract_from_heap(object->heap);
	if (new != PN_OBJECT_FREED)
		return 0;
	subtract(&held_bytes, object->size);
	*is_over = true;
	return 0;
}

void pn_retain_end(const struct pn_object *object)
{
	subtract_from_heap(object->heap);
}

bool pn_retain_free(const struct pn_object *object)
{
	uint8_t *state = pn_object_state(object);
	uint8_t old = pn_object_get_state(object);

	if (object->is_inherited) {
		__atomic_store_n(state, PN_OBJECT_FREED, __ATOMIC_RELAXED);
		return false;
	}
	for (;;) {
		if (pn_state_is_freed(old))
			pn_die_freed("free()", pn_arena_at(object->offset));
		if (!pn_state_is_retained(old)) {
			if (compare_exchange(state, &old, PN_OBJECT_FREED))
				return false;
			continue;
		}
		/* Add first: the last release may subtract as soon as the state has changed. */
		add(&held_bytes, object->size, object);
		if (compare_exchange(state, &old, old | PN_RETAINED_FREED))
			return true;
		subtract(&held_bytes, object->size);
	}
}

/* Figures, limits, fork. */

bool pn_retain_has_any(const struct pn_heap *heap)
{
	return __atomic_load_n(&heap->retained, __ATOMIC_ACQUIRE);
}

uint64_t pn_retain_bytes(void)
{
	return __atomic_load_n(&held_bytes, __ATOMIC_RELAXED);
}

void pn_retain_set_limit(uint64_t bytes)
{
	limit_bytes = bytes;
}

void pn_retain_in_child(void)
{
	pn_lock_reset(&lock);
	buckets = NULL;
	bucket_count = 0;
	entry_count = 0;
	spare = NULL;
	__atomic_store_n(&held_bytes, 0, __ATOMIC_RELAXED);
}

// SPDX-License-Identifier: MIT
/*
 * Who is retained how often: a hash table of the retained objects alone, by where
 * they begin. Its lock covers also the states in which an object is retained; all
 * that follows from a change is done after it is let go, by the caller.
 */
#include "retain.h"

#include <errno.h>

#include "lock.h"
#include "meta.h"
#include "sys.h"
#include "watch.h"

#define BUCKETS_MIN 512
#define ENTRIES_AT_ONCE 64

/**
 * struct entry - a retained object
 * @offset: where it begins, in the arena
 * @count: how often
 * @next: in its bucket, or of the spare ones
 */
struct entry {
	size_t offset;
	uint64_t count;
	struct entry *next;
};

/* Inside of all locks but the records'; see runtime.c. */
static struct pn_lock lock = PN_LOCK_INIT;
static struct entry **buckets;
/* A power of two. */
static size_t bucket_count;
static size_t entry_count;
static struct entry *spare;
static uint64_t held_bytes;
PN_WATCH_VARIABLE(retained_bytes, held_bytes);
static uint64_t limit_bytes;

/* The table. */

/* Fibonacci hashing: objects of a size lie at regular distances. */
static struct entry **bucket_of(struct entry **table, size_t count, size_t offset)
{
	uint64_t hash = ((uint64_t)offset >> 4) * 0x9e3779b97f4a7c15u;

	return &table[hash >> 32 & (count - 1)];
}

static struct entry **find(size_t offset)
{
	struct entry **link = bucket_of(buckets, bucket_count, offset);

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

/* Without memory it stays as it is, and is slower. Return: false if there is none at all. */
static bool make_room(void)
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

/* States. The lock is held. */

static void set_state(const struct pn_object *object, enum pn_object_state state)
{
	if (object->slab) {
		pn_slab_set_state(object->slab, object->index, state);
		return;
	}
	/* Else it is what it was: its owner, who frees it, reads it without the lock. */
	if (state == PN_OBJECT_RETAINED_FREED)
		object->slot->was_large = true;
	__atomic_store_n(&object->slot->is_retained, state != PN_OBJECT_LIVE, __ATOMIC_RELEASE);
}

static int retain_first(const struct pn_object *object)
{
	struct entry *entry;

	if (held_bytes + object->size > limit_bytes)
		return ENOBUFS;
	entry = make_room() ? take_entry() : NULL;
	if (!entry)
		return ENOMEM;
	*entry = (struct entry){ .offset = object->offset, .count = 1 };
	*find(object->offset) = entry;
	entry_count++;
	object->heap->retained++;
	set_state(object, PN_OBJECT_RETAINED);
	return 0;
}

static int retain_locked(const struct pn_object *object)
{
	switch (pn_object_get_state(object)) {
	case PN_OBJECT_LIVE:
		return retain_first(object);
	case PN_OBJECT_RETAINED:
	case PN_OBJECT_RETAINED_FREED:
		(*find(object->offset))->count++;
		return 0;
	default:
		return EFAULT;
	}
}

int pn_retain(const struct pn_object *object)
{
	int err;

	if (object->is_inherited)
		return EFAULT;
	pn_lock(&lock);
	err = retain_locked(object);
	pn_unlock(&lock);
	return err;
}

static void remove_entry(struct entry **link)
{
	struct entry *entry = *link;

	*link = entry->next;
	entry->next = spare;
	spare = entry;
	entry_count--;
}

/* Return: it was freed meanwhile. */
static bool release_last(const struct pn_object *object, struct entry **link)
{
	bool is_freed = pn_object_get_state(object) == PN_OBJECT_RETAINED_FREED;

	remove_entry(link);
	if (is_freed) {
		held_bytes -= object->size;
		return true;
	}
	object->heap->retained--;
	set_state(object, PN_OBJECT_LIVE);
	return false;
}

void pn_retain_end(const struct pn_object *object)
{
	pn_lock(&lock);
	object->heap->retained--;
	pn_unlock(&lock);
}

int pn_retain_release(const struct pn_object *object, bool *is_over)
{
	struct entry **link;
	int err = EINVAL;

	*is_over = false;
	if (object->is_inherited)
		return 0;
	pn_lock(&lock);
	link = bucket_count ? find(object->offset) : NULL;
	if (link && *link) {
		err = 0;
		if (!--(*link)->count)
			*is_over = release_last(object, link);
	}
	pn_unlock(&lock);
	return err;
}

bool pn_retain_keeps(const struct pn_object *object)
{
	bool is_kept;

	if (object->is_inherited || pn_object_get_state(object) != PN_OBJECT_RETAINED)
		return false;
	pn_lock(&lock);
	is_kept = pn_object_get_state(object) == PN_OBJECT_RETAINED;
	if (is_kept) {
		set_state(object, PN_OBJECT_RETAINED_FREED);
		held_bytes += object->size;
	}
	pn_unlock(&lock);
	return is_kept;
}

/* Figures, limits, fork. */

bool pn_retain_has_any(const struct pn_heap *heap)
{
	bool has_any;

	pn_lock(&lock);
	has_any = heap->retained;
	pn_unlock(&lock);
	return has_any;
}

uint64_t pn_retain_bytes(void)
{
	uint64_t bytes;

	pn_lock(&lock);
	bytes = held_bytes;
	pn_unlock(&lock);
	return bytes;
}

void pn_retain_set_limit(uint64_t bytes)
{
	limit_bytes = bytes;
}

void pn_retain_lock(void)
{
	pn_lock(&lock);
}

void pn_retain_unlock(void)
{
	pn_unlock(&lock);
}

/*
 * What is inherited is looked up no more, so where a signal handler has forked inside of
 * the lock the table can stay.
 */
void pn_retain_in_child(bool is_inherited)
{
	bool is_inside = lock.owner == &pn_lock_thread && !pn_lock_thread.has_all;

	pn_lock_reset(&lock);
	if (!is_inherited || is_inside)
		return;
	buckets = NULL;
	bucket_count = 0;
	entry_count = 0;
	spare = NULL;
	held_bytes = 0;
}

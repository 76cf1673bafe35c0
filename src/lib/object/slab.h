/* SPDX-License-Identifier: MIT */
/*
 * Slabs: page runs that are divided into objects of one class.
 *
 * A slab's record lies apart from its objects. The record contains one byte of state for each
 * object: every thread that allocates or frees an object updates its state, and the state exposes
 * double and wild frees. The record also contains one bit for each object, which is set while the
 * object is free in the slab. A medium object has such a record as well: a slab of one object
 * (medium.h).
 *
 * A slab is owned by one thread (owner.h), or is unowned. The owner takes objects from the slab and
 * returns objects to it without a lock. Every other thread returns objects under the lock of the
 * class, into a second set of bits, which the owner collects. Unowned slabs with free objects are
 * in the list of the class.
 */
#ifndef PN_SLAB_H
#define PN_SLAB_H

#include "chunk/heap.h"

struct pn_owner;

/**
 * struct pn_slab - one slab, or one medium object
 * @offset: arena offset of the first object
 * @magic: copy of the class's @magic; 0 for a medium object, so that every byte is in object 0
 * @fast_owner: @owner, if pn_free() may free the slab's objects inline; NULL if it may not, since
 *	there are gaps between the objects (marks.h)
 * @pitch: copy of the class's @pitch
 * @size: usable bytes of an object
 * @epoch: fork generation that made the slab; objects of an earlier generation are inherited
 * @count: number of objects
 * @class: index of the slab's class
 * @pages: number of pages of a medium object; 0 for a slab
 * @free: number of objects whose free bit is set. Only the owner changes @free, @scan and the free
 *	bits of an owned slab; those of an unowned slab change under the class's lock
 * @scan: the word of the free bits at which a search begins; all words before it are 0
 * @returned: number of objects that other threads returned; changes under the class's lock
 * @heap: the heap that the slab belongs to
 * @owner: the owning thread's record, or NULL if the slab is unowned; changes under the class's
 *	lock, together with @fast_owner
 * @next: with @prev, neighbours in a list of slabs with free objects: the owner's or the class's
 * @next_returned: with @prev_returned, neighbours in the list of slabs that the owner collects from
 * @state: enum pn_object_state of each object; after the states, aligned to 8 bytes, come the free
 *	bits and then the bits of returned objects
 */
struct pn_slab {
	size_t offset;
	uint64_t magic;
	struct pn_owner *fast_owner;
	uint32_t pitch;
	uint32_t size;
	uint32_t epoch;
	uint16_t count;
	uint16_t class;
	uint16_t pages;
	uint16_t free;
	uint16_t scan;
	uint16_t returned;
	struct pn_heap *heap;
	struct pn_owner *owner;
	struct pn_slab *next;
	struct pn_slab *prev;
	struct pn_slab *next_returned;
	struct pn_slab *prev_returned;
	uint8_t state[] __attribute__((aligned(sizeof(uint64_t))));
};

_Static_assert(offsetof(struct pn_slab, next) <= PN_CACHE_LINE, "what free() reads is in one line");

/* Returns true if the record is that of a medium object, and not that of a slab (medium.h). */
static inline bool pn_slab_is_medium(const struct pn_slab *slab)
{
	return slab->pages;
}

/* Returns true if there are gaps between the objects of the slab. */
static inline bool pn_slab_has_gaps(const struct pn_slab *slab)
{
	return slab->pitch != slab->size;
}

static inline struct pn_slab *pn_slab_at(size_t offset)
{
	return __atomic_load_n(&pn_arena.slabs[offset >> PN_PAGE_SHIFT], __ATOMIC_RELAXED);
}

/* Returns true if the slab has the object: nobody can be handed it while the class is locked. */
bool pn_slab_has_free(const struct pn_slab *slab, size_t index);

/* Returns the index of the object that contains the byte at @offset. */
static inline size_t pn_slab_index(const struct pn_slab *slab, size_t offset)
{
	return (size_t)(((offset - slab->offset) * slab->magic) >> PN_MAGIC_SHIFT);
}

/*
 * Returns true if @offset is where object @index begins. @index may be the number of objects: the
 * place after the last object counts as the beginning of one more.
 */
static inline bool pn_slab_is_start(const struct pn_slab *slab, size_t index, size_t offset)
{
	return slab->offset + index * slab->pitch == offset;
}

/* A free object, and a pointer to its state, which makes a look-up on allocation unnecessary. */
struct pn_free {
	void *object;
	uint8_t *state;
};

/* Returns true if the state is that of a free object. */
static inline bool pn_free_is_valid(const struct pn_free *object)
{
	uint8_t state = __atomic_load_n(object->state, __ATOMIC_RELAXED);

	return state == PN_OBJECT_NEVER || state == PN_OBJECT_FREED;
}

/* Marks a free object as live when a cache or a slab hands the object to the program. */
static inline void pn_free_set_live(const struct pn_free *object)
{
	__atomic_store_n(object->state, PN_OBJECT_LIVE, __ATOMIC_RELAXED);
}

/* Returns true if nobody has ever used the free object. */
static inline bool pn_free_is_unused(const struct pn_free *object)
{
	return __atomic_load_n(object->state, __ATOMIC_RELAXED) == PN_OBJECT_NEVER;
}

/* The states are atomic because one thread may free an object while another one releases it. */
static inline uint8_t pn_slab_state(const struct pn_slab *slab, size_t index)
{
	return __atomic_load_n(&slab->state[index], __ATOMIC_RELAXED);
}

static inline void pn_slab_set_state(struct pn_slab *slab, size_t index, enum pn_object_state state)
{
	__atomic_store_n(&slab->state[index], (uint8_t)state, __ATOMIC_RELAXED);
}

/*
 * Makes a slab that @owner owns, or an unowned one if @owner is NULL. The slab is in no list yet.
 * Returns NULL if there is no memory.
 */
struct pn_slab *pn_slab_make_locked(struct pn_heap *heap, unsigned int class,
				    struct pn_owner *owner);
/* Gives back the pages of a slab that is in no list and whose objects have all been returned. */
void pn_slab_unmake_locked(struct pn_slab *slab);
/*
 * Removes all slabs whose objects are all free from a list, which is an owner's or that of the class
 * itself, and unmakes these slabs. Returns false if there were none.
 */
bool pn_slab_unmake_empty_locked(struct pn_central *central, struct pn_slab **list);
/*
 * Takes up to @wanted free objects from a slab. Returns how many. The caller is the slab's owner
 * or, if the slab is unowned, holds the class's lock.
 */
size_t pn_slab_take_from(struct pn_slab *slab, struct pn_free *objects, size_t wanted);
/*
 * Sets the free bit of an object that is returned; same callers as pn_slab_take_from(). @list is
 * the list that a slab with free objects is in: its owner's or the class's. A slab that was full is
 * added to the list. A slab whose objects are now all free is removed, unless it is the only one in
 * the list, because the next allocation needs that slab. Returns true if the slab was removed: the
 * caller then unmakes it.
 */
bool pn_slab_put(struct pn_slab **list, struct pn_slab *slab, const uint8_t *state);
/* Records that a thread that does not own the slab returned @count of its objects. */
void pn_slab_put_returned_locked(struct pn_slab *slab, const struct pn_free *objects, size_t count);
/*
 * Turns all returned objects of the slab into free ones. Updates @list and returns what
 * pn_slab_put() returns.
 */
bool pn_slab_collect_locked(struct pn_slab **list, struct pn_slab *slab);
/* Adds a slab with free objects at the beginning of a list: its owner's or the class's. */
void pn_slab_push(struct pn_slab **list, struct pn_slab *slab);
/* Removes a slab from such a list. */
void pn_slab_remove(struct pn_slab **list, struct pn_slab *slab);
#endif /* PN_SLAB_H */

/* SPDX-License-Identifier: MIT */
/*
 * Slabs: runs of pages that hold objects of one class.
 *
 * A slab's record lies apart from its objects. It has a byte for each object, which whoever
 * allocates or frees the object writes, and which exposes double and wild frees; and a bit for each
 * object that the slab itself may give out. A medium object has such a record too, as a slab of one
 * object (medium.h).
 *
 * A slab belongs to a thread (owner.h), or to nobody. The owner takes objects from it and gives its
 * own back without a lock. Everybody else gives objects back under the lock of the class, into a
 * second set of bits that the owner collects. Slabs that belong to nobody are in the class's list.
 */
#ifndef PN_SLAB_H
#define PN_SLAB_H

#include "chunk/heap.h"

struct pn_owner;

/**
 * struct pn_slab - one slab, or one medium object
 * @offset: of its first object, in the arena
 * @magic: as in its class; 0 for a medium object, whose every byte is in object 0
 * @owner: the thread that it belongs to, NULL for nobody; changes under the class's lock
 * @pitch: as in its class
 * @size: usable bytes of an object
 * @epoch: fork generation; the objects of another one are inherited
 * @count: objects
 * @class: index of its class
 * @pages: of a medium object, else 0
 * @free: objects that the slab may give out; the owner's, like @scan, or under the class's lock
 * @scan: word of the free bits to look at first
 * @returned: objects that others than the owner gave back, under the class's lock
 * @heap: the heap that it belongs to
 * @next: with @prev, neighbours in the list of slabs with free objects, the owner's or the class's
 * @next_returned: with @prev_returned, neighbours in the list of slabs that the owner collects from
 * @state: enum pn_object_state of each object; the bits follow, aligned to 8 bytes: first those of
 *	free objects, then those of returned ones
 */
struct pn_slab {
	size_t offset;
	uint64_t magic;
	struct pn_owner *owner;
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
	struct pn_slab *next;
	struct pn_slab *prev;
	struct pn_slab *next_returned;
	struct pn_slab *prev_returned;
	uint8_t state[] __attribute__((aligned(sizeof(uint64_t))));
};

_Static_assert(offsetof(struct pn_slab, next) <= PN_CACHE_LINE, "what free() reads is in one line");

static inline struct pn_slab *pn_slab_at(size_t offset)
{
	return __atomic_load_n(&pn_arena.slabs[offset >> PN_PAGE_SHIFT], __ATOMIC_RELAXED);
}

/* The object that the byte at @offset belongs to. */
static inline size_t pn_slab_index(const struct pn_slab *slab, size_t offset)
{
	return (size_t)(((offset - slab->offset) * slab->magic) >> PN_MAGIC_SHIFT);
}

/* Is @offset where object @index begins, or one would behind the last? */
static inline bool pn_slab_is_start(const struct pn_slab *slab, size_t index, size_t offset)
{
	return slab->offset + index * slab->pitch == offset;
}

/* A free object, and where its state is, so that handing it out need not look for that. */
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

/* It leaves a cache or a slab for the program. */
static inline void pn_free_set_live(const struct pn_free *object)
{
	__atomic_store_n(object->state, PN_OBJECT_LIVE, __ATOMIC_RELAXED);
}
/* One thread may free an object while another releases it. */
static inline uint8_t pn_slab_state(const struct pn_slab *slab, size_t index)
{
	return __atomic_load_n(&slab->state[index], __ATOMIC_RELAXED);
}

static inline void pn_slab_set_state(struct pn_slab *slab, size_t index, enum pn_object_state state)
{
	__atomic_store_n(&slab->state[index], (uint8_t)state, __ATOMIC_RELAXED);
}

/* Makes a slab of @owner, which may be NULL, in no list; NULL without memory. */
struct pn_slab *pn_slab_make_locked(struct pn_heap *heap, unsigned int class,
				    struct pn_owner *owner);
/* Gives the pages of a slab that is in no list, and none of whose objects is out, back. */
void pn_slab_unmake_locked(struct pn_slab *slab);
/* Takes at most @wanted free objects from a slab; whoever calls it may change the slab's free bits. */
size_t pn_slab_take_from(struct pn_slab *slab, struct pn_free *objects, size_t wanted);
/* Marks an object of the slab free; whoever calls it may change the slab's free bits. */
void pn_slab_put(struct pn_slab *slab, const uint8_t *state);
/* Marks an object that others than the owner gave back. */
void pn_slab_put_returned_locked(struct pn_slab *slab, const uint8_t *state);
/* Makes the objects that others returned free ones. */
void pn_slab_collect_locked(struct pn_slab *slab);
void pn_slab_push(struct pn_slab **list, struct pn_slab *slab);
void pn_slab_remove(struct pn_slab **list, struct pn_slab *slab);
/* The next allocation needs the last slab that has free objects. */
static inline bool pn_slab_is_last(const struct pn_slab *list, const struct pn_slab *slab)
{
	return list == slab && !slab->next;
}
#endif /* PN_SLAB_H */

/* SPDX-License-Identifier: MIT */
/*
 * Slabs: runs of pages that hold objects of one class, and their central lists.
 *
 * A slab's record lies apart from its objects. It has a byte for each object,
 * written by whoever allocates or frees it, which is what finds out double and
 * wild frees; and a bit for each object that the slab itself may give out. A
 * medium object has such a record too, as a slab of one object (medium.h).
 */
#ifndef PN_SLAB_H
#define PN_SLAB_H

#include "chunk/heap.h"

/* A bin of threads' caches (tcache.h) that is never used: for what free() must look at more closely. */
#define PN_BIN_NONE PN_CLASSES

/**
 * struct pn_slab - one slab, or one medium object
 * @offset: of its first object, in the arena
 * @magic: as in its class; 0 for a medium object, whose every byte is in object 0
 * @pitch: as in its class
 * @bin: where threads cache its objects (tcache.h)
 * @count: objects
 * @epoch: fork generation; the objects of another one are inherited
 * @pages: of a medium object, else 0
 * @class: index of its class
 * @size: usable bytes of an object
 * @free: objects that the slab may give out, under the class's lock, as are the next
 * @scan: word of the free bits to look at first
 * @heap: whose it is
 * @prev: with @next, neighbours in the class's list of slabs with room
 * @state: enum pn_object_state of each; the free bits follow, aligned to 8 bytes
 *
 * All before @state fits one cache line.
 */
struct pn_slab {
	size_t offset;
	uint64_t magic;
	uint32_t pitch;
	uint16_t bin;
	uint16_t count;
	uint32_t epoch;
	uint16_t pages;
	uint16_t class;
	uint32_t size;
	uint16_t free;
	uint16_t scan;
	struct pn_heap *heap;
	struct pn_slab *prev;
	struct pn_slab *next;
	uint8_t state[] __attribute__((aligned(sizeof(uint64_t))));
};

_Static_assert(sizeof(struct pn_slab) <= PN_CACHE_LINE, "what free() reads is in one line");

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

/*
 * Up to @wanted objects of a class, from slabs with room first; those at lower
 * addresses come last. They are not live yet. Return: how many; 0 without memory.
 */
size_t pn_slab_take(struct pn_heap *heap, unsigned int class, struct pn_free *objects,
		    size_t wanted);

/* Objects that are not live any more, of one heap and class, back to their slabs. */
void pn_slab_give(struct pn_heap *heap, unsigned int class, const struct pn_free *objects,
		  size_t count);

/* Bytes in objects that slabs have given out, threads' caches included. */
uint64_t pn_slab_bytes_out(struct pn_heap *heap);

/* Return: false without any lock; see pn_lock_inside(). */
bool pn_slab_lock_all(struct pn_heap *heap) __attribute__((warn_unused_result));
void pn_slab_unlock_all(struct pn_heap *heap);
/* In a forked child: new locks and empty lists. */
void pn_slab_in_child(struct pn_heap *heap);

#endif /* PN_SLAB_H */

/* SPDX-License-Identifier: MIT */
/*
 * Slabs: runs of units that hold objects of one class, and their central lists.
 *
 * A slab's record lies apart from its objects. It has a byte for each object,
 * written by whoever allocates or frees it, which is what finds out double and
 * wild frees; and a bit for each object that the slab itself may give out.
 */
#ifndef PN_SLAB_H
#define PN_SLAB_H

#include "arena.h"
#include "class.h"

enum pn_object_state {
	PN_OBJECT_NEVER, /* not handed out since the slab was made */
	PN_OBJECT_LIVE,
	PN_OBJECT_FREED, /* free, in the slab or in a thread's cache */
};

/**
 * struct pn_slab - one slab
 * @offset: of its first byte, in the arena
 * @magic: as in its class
 * @pitch: as in its class
 * @class: index of its class
 * @count: objects
 * @epoch: fork generation; the objects of another one are inherited
 * @free: objects that the slab may give out, under the class's lock, as are the next
 * @scan: word of the free bits to look at first
 * @is_listed: in its class's list of slabs with room
 * @prev: with @next, neighbours in that list
 * @state: enum pn_object_state of each; the free bits follow, aligned to 8 bytes
 */
struct pn_slab {
	size_t offset;
	uint64_t magic;
	uint32_t pitch;
	uint16_t class;
	uint16_t count;
	uint32_t epoch;
	uint16_t free;
	uint16_t scan;
	bool is_listed;
	struct pn_slab *prev;
	struct pn_slab *next;
	uint8_t state[];
};

static inline struct pn_slab *pn_slab_at(size_t offset)
{
	return __atomic_load_n(&pn_arena.slabs[offset >> PN_UNIT_SHIFT], __ATOMIC_RELAXED);
}

/* The object that the byte at @offset belongs to. */
static inline size_t pn_slab_index(const struct pn_slab *slab, size_t offset)
{
	return (size_t)(((offset - slab->offset) * slab->magic) >> PN_MAGIC_SHIFT);
}

/* Is @offset where object @index begins? */
static inline bool pn_slab_is_start(const struct pn_slab *slab, size_t index, size_t offset)
{
	return slab->offset + index * slab->pitch == offset && index < slab->count;
}

/* An object leaves a cache or a slab for the program. */
static inline void pn_slab_set_live(void *object)
{
	size_t offset = pn_arena_offset(object);
	struct pn_slab *slab = pn_slab_at(offset);

	slab->state[pn_slab_index(slab, offset)] = PN_OBJECT_LIVE;
}

/*
 * Up to @wanted objects of a class, from slabs with room first. They are not
 * live yet. Return: how many; 0 without memory.
 */
size_t pn_slab_take(unsigned int class, void **objects, size_t wanted);

/* Objects that are not live any more, of one class, back to their slabs. */
void pn_slab_give(unsigned int class, void *const *objects, size_t count);

/* Bytes in objects that slabs have given out, threads' caches included. */
uint64_t pn_slab_bytes_out(void);

void pn_slab_lock_all(void);
void pn_slab_unlock_all(void);
/* In a forked child: new locks; with @is_inherited the lists are the parent's, and forgotten. */
void pn_slab_in_child(bool is_inherited);

#endif /* PN_SLAB_H */

/* SPDX-License-Identifier: MIT */
/* Finds the object that a pointer points into. Reads only the arena's tables, and takes no lock. */
#ifndef PN_OBJECT_H
#define PN_OBJECT_H

#include "object/slab.h"

/**
 * struct pn_object - an object that is, or was, allocated
 * @offset: arena offset of the object's beginning
 * @size: usable bytes
 * @slab: the object's slab, or the record of a medium object; NULL for a large object
 * @index: number of the object in @slab
 * @slot: the first slot of a large object, else NULL
 * @heap: the heap that the object belongs to
 * @is_inherited: this process is a forked child, and inherited the object from its parent
 */
struct pn_object {
	size_t offset;
	size_t size;
	struct pn_slab *slab;
	size_t index;
	struct pn_slot *slot;
	struct pn_heap *heap;
	bool is_inherited;
};

/*
 * Describes object @index of @slab. The members are assigned one by one, because compilers build a
 * compound literal on the stack and copy it.
 */
static inline void pn_object_set(struct pn_object *object, struct pn_slab *slab, size_t index)
{
	object->offset = slab->offset + index * slab->pitch;
	object->size = slab->size;
	object->slab = slab;
	object->index = index;
	object->slot = NULL;
	object->heap = slab->heap;
	object->is_inherited = slab->epoch != pn_arena.epoch;
}

/* Describes the large object that begins at slot @first. */
struct pn_object pn_object_of_slots(size_t first);

/*
 * Finds the object that @ptr points into. The description stays valid while the program owns the
 * object or somebody retains it. Return: false if there is no place for an object at @ptr.
 */
bool pn_object_find(const void *ptr, struct pn_object *object);

/*
 * Finds the object at @offset among those of @slab, which may be NULL, or the mark of a freed medium
 * object: the mark counts no object. Return: false if there is none.
 */
static inline bool pn_object_find_in(struct pn_slab *slab, size_t offset, struct pn_object *object)
{
	size_t index;

	if (!slab || offset < slab->offset)
		return false;
	index = pn_slab_index(slab, offset);
	if (index >= slab->count)
		return false;
	pn_object_set(object, slab, index);
	return offset - object->offset < object->size;
}

/*
 * Finds what pn_object_find() finds first, without a search: an object whose record is in the table
 * at the page of @ptr. Inline, so that the description stays in registers. Return: false if another
 * way must be tried.
 */
static inline bool pn_object_find_at_page(const void *ptr, struct pn_object *object)
{
	size_t offset = pn_arena_offset(ptr);

	if (offset >= pn_arena_size() ||
	    __atomic_load_n(&pn_arena.slots[offset >> PN_CHUNK_SHIFT].state, __ATOMIC_RELAXED) !=
		    PN_SLOT_PAGES)
		return false;
	return pn_object_find_in(pn_slab_at(offset), offset, object);
}

/* Returns a pointer to the object's state, an enum pn_object_state. */
static inline uint8_t *pn_object_state(const struct pn_object *object)
{
	return object->slab ? &object->slab->state[object->index] : &object->slot->object;
}

/*
 * Acquire-loads the state, so that the freeing thread sees every access that was made before the
 * last release.
 */
static inline uint8_t pn_object_get_state(const struct pn_object *object)
{
	return __atomic_load_n(pn_object_state(object), __ATOMIC_ACQUIRE);
}

#endif /* PN_OBJECT_H */

/* SPDX-License-Identifier: MIT */
/* The object that a pointer points into, by the tables, without a lock. */
#ifndef PN_OBJECT_H
#define PN_OBJECT_H

#include "object/slab.h"

/**
 * struct pn_object - an object that is, or was, allocated
 * @offset: where it begins, in the arena
 * @size: usable bytes
 * @slab: its slab, or its record if it is a medium one; NULL for a large one
 * @index: its number there
 * @slot: the first slot of a large one
 * @heap: whose it is
 * @is_inherited: it is a forked child's copy
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

/* Object @index of a slab. (One by one: compilers build a whole one on the stack first, and copy it.) */
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

/* The large one that begins at slot @first. */
struct pn_object pn_object_of_slots(size_t first);

/*
 * Return: false if @ptr is in no place for an object. Otherwise the answer is good as long as
 * somebody keeps the object: its owner, or who retains it.
 */
bool pn_object_find(const void *ptr, struct pn_object *object);

/* Its enum pn_object_state. */
static inline uint8_t *pn_object_state(const struct pn_object *object)
{
	return object->slab ? &object->slab->state[object->index] : &object->slot->object;
}

/* What has become of it. Who frees it has seen what who released it last has read of it. */
static inline uint8_t pn_object_get_state(const struct pn_object *object)
{
	return __atomic_load_n(pn_object_state(object), __ATOMIC_ACQUIRE);
}

#endif /* PN_OBJECT_H */

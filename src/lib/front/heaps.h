/* SPDX-License-Identifier: MIT */
/*
 * All heaps of the process: the default one, which always exists, and those that programs create.
 */
#ifndef PN_HEAPS_H
#define PN_HEAPS_H

#include "chunk/heap.h"
#include "object/central.h"
#include "pinned.h"

/* Returns the heap of a program's handle; NULL stands for the default heap. */
static inline struct pn_heap *pn_heaps_of(struct pinned_heap *handle)
{
	return handle ? (struct pn_heap *)(void *)handle : &pn_heap;
}

/* Visits all heaps. The caller has locked the list. */
#define pn_heaps_for_each(heap) for (heap = &pn_heap; heap; heap = heap->next)

/*
 * Creates a heap that uses the backend of the default heap. Return: 0; ENOMEM; or the errno for
 * which that backend cannot provide such a heap.
 */
int pn_heaps_create(const struct pn_heap_options *options, struct pn_heap **heap);
/*
 * Destroys a heap that nobody uses any more, with all its objects. The caller holds no lock.
 * Return: 0; or EBUSY, with nothing changed, because an object of the heap is retained, other
 * threads have been giving back chunks of the heap for some seconds, or this thread is announcing
 * memory.
 */
int pn_heaps_destroy(struct pn_heap *heap);

/* Gives the idle chunks of all heaps back to the backend. Return: how many there were. */
size_t pn_heaps_purge(void);

void pn_heaps_lock(void);
void pn_heaps_unlock(void);

/*
 * Takes one object from the slabs of any heap, as pn_central_take(), and marks it live. Return:
 * NULL if there is no memory.
 */
void *pn_heaps_take_object(struct pn_heap *heap, unsigned int class);
/* Gives one object back to a slab of any heap, as pn_central_give(). */
void pn_heaps_give_object(struct pn_slab *slab, const struct pn_free *object);

/* In a forked child: leaves everything that belongs to the parent alone. */
void pn_heaps_in_child(void);

#endif /* PN_HEAPS_H */

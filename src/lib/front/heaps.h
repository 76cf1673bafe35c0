/* SPDX-License-Identifier: MIT */
/* All heaps of the process: the default one, which is always there, and those that programs make. */
#ifndef PN_HEAPS_H
#define PN_HEAPS_H

#include "chunk/heap.h"
#include "object/central.h"
#include "pinned.h"

/* What programs have of a heap; NULL is the default one. */
static inline struct pn_heap *pn_heaps_of(struct pinned_heap *handle)
{
	return handle ? (struct pn_heap *)(void *)handle : &pn_heap;
}

/* With the list locked. */
#define pn_heaps_for_each(heap) for (heap = &pn_heap; heap; heap = heap->next)

/* Return: 0, ENOMEM, or why the default heap's backend cannot do it. */
int pn_heaps_create(const struct pn_heap_options *options, struct pn_heap **heap);
/* Nobody uses the heap any more. Return: 0, or EBUSY with nothing changed: an object is retained. */
int pn_heaps_destroy(struct pn_heap *heap);

/* Empty chunks of all heaps, back to the backend. Return: how many. */
size_t pn_heaps_purge(void);

void pn_heaps_lock(void);
void pn_heaps_unlock(void);

/* Slabs of any heap. As pn_central_take(), for one object; as pn_central_give(). */
void *pn_heaps_take_object(struct pn_heap *heap, unsigned int class);
void pn_heaps_give_object(struct pn_slab *slab, const struct pn_free *object);

/* In a forked child: leaves all that is its parent's alone. */
void pn_heaps_in_child(void);

#endif /* PN_HEAPS_H */

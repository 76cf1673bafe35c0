/* SPDX-License-Identifier: MIT */
/* The census of a heap: its slabs and objects by class, and its chunks. */
#ifndef PN_CENSUS_H
#define PN_CENSUS_H

#include "figures/figures.h"
#include "front/heaps.h"
#include "front/tcache.h"

/**
 * struct pn_census_class - one class of a heap
 * @slabs: number of slabs
 * @objects: number of objects in these slabs, free ones too
 * @out: how many of @objects the slabs have given out, to programs and to threads' caches
 * @cached: how many of @out are in threads' caches
 */
struct pn_census_class {
	uint64_t slabs;
	uint64_t objects;
	uint64_t out;
	uint64_t cached;
};

/**
 * struct pn_census - the counts of one heap
 * @figures: all figures of the heap
 * @memory: what sort of memory its chunks have
 * @classes: by class
 */
struct pn_census {
	struct pn_heap_figures figures;
	struct pn_memory memory;
	struct pn_census_class classes[PN_CLASSES];
};

/*
 * Counts heap @number; heap 0 is the default one. The locks of the heap's classes and of the arena
 * are held while slabs, chunks and objects are counted, so that these counts agree with each other;
 * counting takes about a microsecond for each chunk. Other threads may use their caches meanwhile,
 * so the counts of cached objects may be off by some operations. Return: false if there is no such
 * heap.
 */
bool pn_census_take(struct pn_census *census, size_t number);

/* What is shown of one slot. */
struct pn_census_slot {
	uint8_t state;
	bool is_inherited;
	uint16_t free_pages;
	uint16_t longest;
	uint32_t run;
};

/* Reads @count slots from @first on. Takes the arena's lock. */
void pn_census_take_slots(struct pn_census_slot *slots, size_t first, size_t count);

#endif /* PN_CENSUS_H */

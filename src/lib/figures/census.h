/* SPDX-License-Identifier: MIT */
/* Counting what a heap consists of: slabs and objects by class, and chunks. */
#ifndef PN_CENSUS_H
#define PN_CENSUS_H

#include "figures/figures.h"
#include "front/heaps.h"
#include "front/tcache.h"

/**
 * struct pn_census_class - a class of a heap
 * @slabs: how many
 * @objects: that these have
 * @out: of @objects, given out, those in threads' caches too
 * @cached: of @out, in threads' caches
 */
struct pn_census_class {
	uint64_t slabs;
	uint64_t objects;
	uint64_t out;
	uint64_t cached;
};

/**
 * struct pn_census - a heap, counted
 * @figures: all of the heap's
 * @memory: of which sort its chunks are
 * @classes: by class
 */
struct pn_census {
	struct pn_heap_figures figures;
	struct pn_memory memory;
	struct pn_census_class classes[PN_CLASSES];
};

/*
 * Slabs, chunks and objects agree with each other: all locks are held while they
 * are counted, which takes about a microsecond for each chunk. What is cached may
 * be some operations apart. Heap 0 is the default one. Return: false if there are
 * not so many.
 */
bool pn_census_take(struct pn_census *census, size_t number);

/* A slot, as people are told of it. */
struct pn_census_slot {
	uint8_t state;
	bool is_inherited;
	uint16_t free_pages;
	uint16_t longest;
	uint32_t run;
};

/* @count slots from @first on. */
void pn_census_take_slots(struct pn_census_slot *slots, size_t first, size_t count);

#endif /* PN_CENSUS_H */

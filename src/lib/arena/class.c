// SPDX-License-Identifier: MIT
/*
 * The tables of size classes, computed once.
 *
 * The number of pages of a slab is a compromise. If slabs have many objects, then making a slab
 * costs less for each object. If slabs have few objects, then a small program wastes less memory,
 * and slabs become empty sooner after a peak. With classes:fine, where memory counts, slabs are
 * therefore shorter. Staggered objects do not fill their slab's pages; such a slab gets the fewest
 * pages of which less than a 32nd is unused.
 */
#include "arena/class.h"

#define SLAB_PAGES_MIN 8
#define SLAB_PAGES_MIN_FINE 2
#define SLAB_PAGES_MAX 64

struct pn_class pn_classes[PN_CLASSES];
uint8_t pn_class_of_step[PN_CLASS_STEPS];

/* @gap: bytes that must be left before the first object. */
static bool is_enough(size_t pages, size_t pitch, size_t gap)
{
	size_t bytes = pages * PN_PAGE_SIZE;
	size_t least = pitch <= 1024 ? 32 : pitch <= 8192 ? 8 : 4;

	return bytes / pitch >= least && bytes % pitch < bytes / 32 && bytes % pitch >= gap;
}

static void set_class(unsigned int index, size_t size, size_t pitch, size_t alignment, bool is_fine)
{
	size_t pages = is_fine ? SLAB_PAGES_MIN_FINE : SLAB_PAGES_MIN;

	while (pages < SLAB_PAGES_MAX && !is_enough(pages, pitch, pitch - size))
		pages++;
	pn_classes[index] = (struct pn_class){
		.size = (uint32_t)size,
		.pitch = (uint32_t)pitch,
		.magic = (((uint64_t)1 << PN_MAGIC_SHIFT) + pitch - 1) / pitch,
		.pages = (uint16_t)pages,
		.alignment = (uint16_t)alignment,
		.count = (uint16_t)(pages * PN_PAGE_SIZE / pitch),
	};
}

static size_t next_size(size_t size, bool is_fine)
{
	size_t power = PN_SMALLEST;

	if (!is_fine)
		return 2 * size;
	while (2 * power <= size)
		power *= 2;
	/* Four classes for each doubling, but no step smaller than the smallest object. */
	return size + (power / 4 > PN_SMALLEST ? power / 4 : PN_SMALLEST);
}

/* Assigns class @index to the steps from @step up to @size. Return: the first step after them. */
static size_t set_steps(size_t step, size_t size, unsigned int index)
{
	size_t last = size <= PN_STEP_LIMIT ? size / 16 : PN_STEP_LIMIT / 16 + size / 256;

	while (step <= last)
		__atomic_store_n(&pn_class_of_step[step++], (uint8_t)index, __ATOMIC_RELAXED);
	return step;
}

void pn_class_init(bool is_fine)
{
	unsigned int index = 0;
	size_t step = 0;

	for (size_t size = PN_SMALLEST; size <= PN_SMALL_MAX; size = next_size(size, is_fine)) {
		set_class(index, size, size < PN_STAGGER_MIN ? size : size + PN_CACHE_LINE, 1,
			  is_fine);
		step = set_steps(step, size, index++);
	}
	index = PN_CLASSES_PLAIN;
	for (size_t size = PN_STAGGER_MIN; size <= PN_SMALL_MAX; size *= 2)
		set_class(index++, size, size, size > PN_PAGE_SIZE ? size / PN_PAGE_SIZE : 1,
			  is_fine);
}

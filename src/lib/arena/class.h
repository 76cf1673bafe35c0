/* SPDX-License-Identifier: MIT */
/*
 * Size classes of small objects, 16 bytes to 32 KiB. The classes are the powers of two or, with
 * classes:fine in the configuration, four sizes for each doubling, which waste less memory.
 *
 * Objects of plain malloc of 2 KiB and more are staggered: the distance from one object to the next
 * is the size plus one cache line. If each object were aligned to its size instead, the first words
 * of many live objects would compete for the same few cache sets. A request with an alignment gets
 * an object whose size is a power of two and that is aligned to its size. Up to 1 KiB such objects
 * are from the same classes; larger ones are from classes of their own.
 */
#ifndef PN_CLASS_H
#define PN_CLASS_H

#include "os/base.h"

#define PN_SMALL_MAX ((size_t)32 << 10)
#define PN_SMALLEST 16

/* Objects from this size on are staggered. */
#define PN_STAGGER_SHIFT 11
#define PN_STAGGER_MIN ((size_t)1 << PN_STAGGER_SHIFT)

/* The classes for plain malloc come first, then those for alignment, from 2 KiB to 32 KiB. */
#define PN_CLASSES_PLAIN 40
#define PN_CLASSES_ALIGNED 5
#define PN_CLASSES (PN_CLASSES_PLAIN + PN_CLASSES_ALIGNED)

/* rel / pitch is rel * magic >> PN_MAGIC_SHIFT; exact for rel below 2 MiB and pitch up to that. */
#define PN_MAGIC_SHIFT 42

/**
 * struct pn_class - one size class
 * @size: usable bytes of an object; 0 if the class is not in use
 * @pitch: bytes from the beginning of one object to that of the next
 * @magic: reciprocal of @pitch
 * @pages: number of pages of a slab
 * @alignment: alignment of a slab, in pages
 * @count: number of objects in a slab
 */
struct pn_class {
	uint32_t size;
	uint32_t pitch;
	uint64_t magic;
	uint16_t pages;
	uint16_t alignment;
	uint16_t count;
};

extern struct pn_class pn_classes[PN_CLASSES] __attribute__((visibility("hidden")));

/* Returns true if there are gaps between the objects of a slab of @class. */
static inline bool pn_class_has_gaps(unsigned int class)
{
	return pn_classes[class].pitch != pn_classes[class].size;
}

/* Steps of 16 bytes up to 1 KiB, then of 256 bytes. */
#define PN_STEP_LIMIT 1024
#define PN_CLASS_STEPS (PN_STEP_LIMIT / 16 + PN_SMALL_MAX / 256 + 1)

extern uint8_t pn_class_of_step[PN_CLASS_STEPS];

/* Fills the tables. Call this before anything else in this file. */
void pn_class_init(bool is_fine);

/* Returns the class that plain malloc uses for @size, which is 1 to PN_SMALL_MAX. */
static inline unsigned int pn_class_of(size_t size)
{
	size_t step = pn_likely(size <= PN_STEP_LIMIT) ? (size + 15) / 16
						       : PN_STEP_LIMIT / 16 + (size + 255) / 256;

	/*
	 * Another thread may be filling the table. Whatever class is read then, this thread's
	 * cache contains no object of that class yet.
	 */
	return __atomic_load_n(&pn_class_of_step[step], __ATOMIC_RELAXED);
}

/*
 * Returns the class for @size with @alignment, a power of two; both are 1 to PN_SMALL_MAX.
 * Staggered objects begin at cache lines, and all other objects at multiples of the smallest size.
 */
static inline unsigned int pn_class_aligned(size_t size, size_t alignment)
{
	size_t larger = size > alignment ? size : alignment;
	unsigned int shift;

	if (alignment <= PN_SMALLEST || (alignment <= PN_CACHE_LINE && size >= PN_STAGGER_MIN))
		return pn_class_of(size);
	/* @larger is more than 1, because the alignment is. */
	shift = 64 - (unsigned int)__builtin_clzll(larger - 1);
	if (larger > PN_STAGGER_MIN / 2)
		return PN_CLASSES_PLAIN + shift - PN_STAGGER_SHIFT;
	return pn_class_of((size_t)1 << shift);
}

#endif /* PN_CLASS_H */

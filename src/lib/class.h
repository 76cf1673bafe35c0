/* SPDX-License-Identifier: MIT */
/*
 * Size classes: powers of two from 16 bytes to a chunk.
 *
 * From 2 KiB to 64 KiB there are two sorts of each size. What plain malloc gets
 * is staggered: objects follow each other at the size plus one cache line, so
 * that the first words of many live objects do not all fall into the same few
 * cache sets, as they do when each is aligned to its size. Who asks for
 * alignment gets the other sort, whose objects are aligned to their size, as
 * those of all other classes are.
 */
#ifndef PN_CLASS_H
#define PN_CLASS_H

#include "base.h"

#define PN_CLASS_SHIFT_MIN 4 /* 16 bytes */
#define PN_CLASSES_PLAIN (PN_CHUNK_SHIFT - PN_CLASS_SHIFT_MIN + 1)

#define PN_STAGGER_SHIFT_MIN 11 /* 2 KiB */
#define PN_STAGGER_SHIFT_MAX 16 /* 64 KiB */
#define PN_CLASSES_ALIGNED (PN_STAGGER_SHIFT_MAX - PN_STAGGER_SHIFT_MIN + 1)

#define PN_CLASSES (PN_CLASSES_PLAIN + PN_CLASSES_ALIGNED)

/* rel / pitch is rel * magic >> PN_MAGIC_SHIFT; exact for rel below 2 MiB and pitch up to that. */
#define PN_MAGIC_SHIFT 42

/**
 * struct pn_class - one size class
 * @size: usable bytes of an object
 * @pitch: bytes from one object to the next
 * @magic: reciprocal of @pitch
 * @units: units in a slab, a power of two
 * @count: objects in a slab
 * @cached: objects of it that a thread's cache may hold; 0: none, ask the slabs each time
 */
struct pn_class {
	uint32_t size;
	uint32_t pitch;
	uint64_t magic;
	uint16_t units;
	uint16_t count;
	uint16_t cached;
};

extern const struct pn_class pn_classes[PN_CLASSES];

/* The class that plain malloc takes for @size, which is 1 to PN_CHUNK_SIZE. */
static inline unsigned int pn_class_of(size_t size)
{
	return 64 - PN_CLASS_SHIFT_MIN - (unsigned int)__builtin_clzll((size - 1) | 15);
}

/* The class whose objects are aligned to their size. */
static inline unsigned int pn_class_aligned(unsigned int class)
{
	unsigned int shift = class + PN_CLASS_SHIFT_MIN;

	if (shift < PN_STAGGER_SHIFT_MIN || shift > PN_STAGGER_SHIFT_MAX)
		return class;
	return PN_CLASSES_PLAIN + shift - PN_STAGGER_SHIFT_MIN;
}

#endif /* PN_CLASS_H */

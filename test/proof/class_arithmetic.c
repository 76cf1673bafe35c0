// SPDX-License-Identifier: MIT
/*
 * Proves, for coarse and for fine classes: each size gets the smallest class that holds it, an
 * aligned request gets objects that are aligned and large enough, slabs hold their objects, and
 * multiplying by the reciprocal is the same as dividing, for every byte of every slab.
 *
 * Unwind: 70
 * Mutation: prove_smallest_class_coarse arena/class.h s/\(size \+ 15\) \/ 16/(size + 14) \/ 16/
 * Mutation: prove_smallest_class_coarse arena/class.c s/size \/ 16 : PN_STEP/size \/ 16 + 1 : PN_STEP/
 * Mutation: prove_aligned_class_coarse arena/class.h s/larger - 1\);/larger);/
 * Mutation: prove_aligned_class_coarse arena/class.h s/alignment <= PN_SMALLEST/alignment <= 2 * PN_SMALLEST/
 * Mutation: prove_reciprocal_coarse arena/class.h s/PN_MAGIC_SHIFT 42/PN_MAGIC_SHIFT 20/
 * Mutation: prove_slabs_coarse arena/class.c s/PN_PAGE_SIZE \/ pitch\),/PN_PAGE_SIZE \/ pitch + 1),/
 */
#include "proof.h"

#include "arena/class.c"

static void smallest_class(bool is_fine)
{
	size_t size = 1 + any_size_below(PN_SMALL_MAX);
	unsigned int class;

	pn_class_init(is_fine);
	class = pn_class_of(size);
	assert(class < PN_CLASSES_PLAIN);
	assert(pn_classes[class].size >= size);
	assert(!class || pn_classes[class - 1].size < size);
}

static void aligned_class(bool is_fine)
{
	size_t size = 1 + any_size_below(PN_SMALL_MAX);
	size_t alignment = (size_t)1 << any_size_below(16), index = any_size_below(1 << 16);
	const struct pn_class *class;
	unsigned int number;

	pn_class_init(is_fine);
	number = pn_class_aligned(size, alignment);
	assert(number < PN_CLASSES);
	class = &pn_classes[number];
	assert(class->size >= size);
	/* A slab begins at a multiple of its class's alignment. */
	assume(index < class->count);
	assert(!(index * class->pitch & (alignment - 1)));
	assert(!(class->alignment * PN_PAGE_SIZE & (alignment - 1)));
}

static void slabs(bool is_fine)
{
	const struct pn_class *class;

	pn_class_init(is_fine);
	class = &pn_classes[any_size_below(PN_CLASSES)];
	assume(class->size);
	assert(class->pitch >= class->size);
	assert(class->pages <= PN_CHUNK_PAGES);
	assert((size_t) class->count * class->pitch <= class->pages * PN_PAGE_SIZE);
	assert(((size_t) class->count + 1) * class->pitch > class->pages * PN_PAGE_SIZE);
}

/* The quotient is the only number for which the remainder is in range. */
static void reciprocal(bool is_fine)
{
	size_t at = any_size_below((size_t)1 << 21), quotient;
	const struct pn_class *class;

	pn_class_init(is_fine);
	class = &pn_classes[any_size_below(PN_CLASSES)];
	assume(class->size && at < class->pages * PN_PAGE_SIZE);
	quotient = at * class->magic >> PN_MAGIC_SHIFT;
	assert(quotient * class->pitch <= at);
	assert(at - quotient * class->pitch < class->pitch);
}

void prove_smallest_class_coarse(void)
{
	smallest_class(false);
}

void prove_smallest_class_fine(void)
{
	smallest_class(true);
}

void prove_aligned_class_coarse(void)
{
	aligned_class(false);
}

void prove_aligned_class_fine(void)
{
	aligned_class(true);
}

void prove_slabs_coarse(void)
{
	slabs(false);
}

void prove_slabs_fine(void)
{
	slabs(true);
}

void prove_reciprocal_coarse(void)
{
	reciprocal(false);
}

void prove_reciprocal_fine(void)
{
	reciprocal(true);
}

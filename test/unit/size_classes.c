// SPDX-License-Identifier: MIT
/*
 * Protects the arithmetic that free relies on: every size has the smallest class
 * that holds it, and the reciprocal finds the right object for every byte of
 * every slab, or interior pointers would be taken for objects.
 */
#include "class.h"
#include "suite.h"

START_TEST(size_gets_the_smallest_class_that_holds_it)
{
	for (size_t size = 1; size <= PN_CHUNK_SIZE; size += size < 70000 ? 1 : 977) {
		unsigned int class = pn_class_of(size);

		ck_assert_uint_lt(class, PN_CLASSES_PLAIN);
		ck_assert_uint_ge(pn_classes[class].size, size);
		ck_assert(!class || pn_classes[class - 1].size < size);
	}
	ck_assert_uint_eq(pn_classes[pn_class_of(37)].size, 64);
	ck_assert_uint_eq(pn_classes[pn_class_of(PN_CHUNK_SIZE)].size, PN_CHUNK_SIZE);
}
END_TEST

START_TEST(reciprocal_is_exact)
{
	for (unsigned int i = 0; i < PN_CLASSES; i++) {
		const struct pn_class *c = &pn_classes[i];

		for (size_t at = 0; at < c->units * PN_UNIT_SIZE; at++)
			if (at * c->magic >> PN_MAGIC_SHIFT != at / c->pitch)
				ck_abort_msg("class %u offset %zu", i, at);
	}
}
END_TEST

START_TEST(slab_holds_its_objects)
{
	for (unsigned int i = 0; i < PN_CLASSES; i++) {
		const struct pn_class *c = &pn_classes[i];

		ck_assert_uint_ge(c->pitch, c->size);
		ck_assert_uint_ge(c->count, 1);
		ck_assert_uint_le((size_t)c->count * c->pitch, c->units * PN_UNIT_SIZE);
		ck_assert_uint_le(c->units, PN_CHUNK_UNITS);
		ck_assert_uint_eq(c->units & (c->units - 1), 0);
	}
}
END_TEST

START_TEST(aligned_classes_have_their_size_as_pitch)
{
	for (unsigned int i = 0; i < PN_CLASSES_PLAIN; i++) {
		const struct pn_class *c = &pn_classes[pn_class_aligned(i)];

		ck_assert_uint_eq(c->size, pn_classes[i].size);
		ck_assert_uint_eq(c->pitch, c->size);
	}
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, size_gets_the_smallest_class_that_holds_it);
	tcase_add_test(tcase, reciprocal_is_exact);
	tcase_add_test(tcase, slab_holds_its_objects);
	tcase_add_test(tcase, aligned_classes_have_their_size_as_pitch);
}

int main(void)
{
	return run_suite("size_classes", add);
}

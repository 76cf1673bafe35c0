// SPDX-License-Identifier: MIT
/*
 * Protects the arithmetic that free() relies on: each size gets the smallest class that fits, and
 * multiplication by the reciprocal finds the right object for every byte of every slab; otherwise
 * free() would accept interior pointers.
 */
#include "object/medium.h"
#include "suite.h"

static const bool sorts[] = { false, true };

/* The loop index selects the coarse (0) or the fine (1) classes. */
START_TEST(size_gets_the_smallest_class_that_holds_it)
{
	pn_class_init(sorts[_i]);
	for (size_t size = 1; size <= PN_SMALL_MAX; size++) {
		unsigned int class = pn_class_of(size);

		ck_assert_uint_lt(class, PN_CLASSES_PLAIN);
		ck_assert_uint_ge(pn_classes[class].size, size);
		ck_assert(!class || pn_classes[class - 1].size < size);
	}
	ck_assert_uint_eq(pn_classes[pn_class_of(37)].size, sorts[_i] ? 48 : 64);
	ck_assert_uint_eq(pn_classes[pn_class_of(4368)].size, sorts[_i] ? 5120 : 8192);
	ck_assert_uint_eq(pn_classes[pn_class_of(PN_SMALL_MAX)].size, PN_SMALL_MAX);
}
END_TEST

START_TEST(reciprocal_is_exact)
{
	pn_class_init(sorts[_i]);
	for (unsigned int i = 0; i < PN_CLASSES; i++) {
		const struct pn_class *c = &pn_classes[i];

		for (size_t at = 0; at < c->pages * PN_PAGE_SIZE; at++)
			if (at * c->magic >> PN_MAGIC_SHIFT != at / c->pitch)
				ck_abort_msg("class %u offset %zu", i, at);
	}
}
END_TEST

START_TEST(slab_holds_its_objects)
{
	pn_class_init(sorts[_i]);
	for (unsigned int i = 0; i < PN_CLASSES; i++) {
		const struct pn_class *c = &pn_classes[i];
		size_t used = (size_t)c->count * c->pitch, bytes = c->pages * PN_PAGE_SIZE;

		if (!c->size)
			continue;
		ck_assert_uint_ge(c->pitch, c->size);
		ck_assert_uint_ge(c->count, 4);
		ck_assert_uint_le(c->pages, PN_CHUNK_PAGES);
		ck_assert_uint_le(used, bytes);
		/* The space at the end of a slab that is too small for another object is small. */
		ck_assert_uint_lt(bytes - used, bytes / 32 + 1);
	}
}
END_TEST

START_TEST(alignment_is_kept)
{
	pn_class_init(sorts[_i]);
	for (size_t alignment = 1; alignment <= PN_SMALL_MAX; alignment *= 2)
		for (size_t size = 1; size <= PN_SMALL_MAX; size += size < 5000 ? 1 : 977) {
			const struct pn_class *c = &pn_classes[pn_class_aligned(size, alignment)];

			ck_assert_uint_ge(c->size, size);
			ck_assert_uint_eq(c->pitch % alignment, 0);
			ck_assert_uint_eq(c->alignment * PN_PAGE_SIZE % alignment, 0);
		}
}
END_TEST

START_TEST(medium_bins_hold_what_they_say)
{
	unsigned int last = 0;

	for (size_t pages = 8; pages <= PN_CHUNK_PAGES; pages++) {
		unsigned int bin = pn_medium_bin(pages);

		ck_assert_uint_lt(bin, PN_MEDIUM_BINS);
		ck_assert(bin == last || bin == last + 1);
		ck_assert_uint_le(pages, pn_medium_bin_pages(bin));
		ck_assert(!bin || pages > pn_medium_bin_pages(bin - 1));
		last = bin;
	}
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, size_gets_the_smallest_class_that_holds_it, 0, 2);
	tcase_add_loop_test(tcase, reciprocal_is_exact, 0, 2);
	tcase_add_loop_test(tcase, slab_holds_its_objects, 0, 2);
	tcase_add_loop_test(tcase, alignment_is_kept, 0, 2);
	tcase_add_test(tcase, medium_bins_hold_what_they_say);
}

int main(void)
{
	return run_suite("sizes_fit_their_classes", add);
}

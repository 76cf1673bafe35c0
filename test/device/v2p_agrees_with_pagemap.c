// SPDX-License-Identifier: MIT
/*
 * Protects the promise that vendors build on: for every page of every object pinned_v2p returns the
 * address in the page tables, extents and p2v agree with it, and the heap is mapped by huge
 * entries where the kernel has them.
 */
#include "guest.h"
#include "pinned.h"

static void check_object(const char *object, size_t size)
{
	for (size_t at = 0; at < size; at += PAGE) {
		((volatile char *)object)[at] = 1;
		EQUAL(pinned_v2p(object + at), phys_of(object + at));
		CHECK(pinned_p2v(pinned_v2p(object + at)) == object + at);
	}
	((volatile char *)object)[size - 1] = 1;
	EQUAL(pinned_v2p(object + size - 1), phys_of(object + size - 1));
}

static void check_extents(const char *object, size_t size)
{
	struct pinned_extent extents[64];
	long count = WORKS(pinned_v2p_sg(object, size, extents, 64));
	size_t at = 0;

	for (long i = 0; i < count; i++) {
		for (size_t k = 0; k < extents[i].len; k += PAGE)
			EQUAL(extents[i].phys + k, pinned_v2p(object + at + k));
		at += extents[i].len;
	}
	EQUAL(at, size);
}

int main(void)
{
	static const size_t sizes[] = { 1,     37,     1000,	4096,	 5000,
					65536, 300000, 2097152, 3000000, 40000000 };
	char *objects[10][3];
	int fd = open_pool();
	bool is_huge = maps_huge(fd);

	close(fd);
	CHECK(!strcmp(pinned_backend(), "device"));
	for (size_t i = 0; i < 10; i++)
		for (size_t k = 0; k < 3; k++) {
			objects[i][k] = pinned_malloc(sizes[i]);
			CHECK(objects[i][k]);
			check_object(objects[i][k], sizes[i]);
			check_extents(objects[i][k], sizes[i]);
		}
	if (is_huge)
		CHECK(smaps_kib_of(objects[9][0], sizes[9], "FilePmdMapped") > 40000);
	CHECK(smaps_kib_of(objects[9][0], sizes[9], "Rss") > 40000);
	for (size_t i = 0; i < 10; i++)
		for (size_t k = 0; k < 3; k++)
			pinned_free(objects[i][k]);
	CHECK(pinned_purge());
	EQUAL(pinned_v2p(objects[9][0]), PINNED_NO_PHYS);
	return 0;
}

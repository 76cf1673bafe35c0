// SPDX-License-Identifier: MIT
/*
 * Protects development without the driver: on huge pages of the system's pool, translations agree
 * with the page tables, also after a fork has moved pages, and `auto` selects this backend if the
 * driver is missing.
 */
#include "guest.h"
#include "pinned.h"

#define SIZE ((size_t)10 << 20)
/* The system's default size of huge pages may be another: 32 MiB where pages have 16 KiB. */
#define HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

static char *object;

static void check_pages(void)
{
	for (size_t at = 0; at < SIZE; at += PAGE)
		EQUAL(pinned_v2p(object + at), phys_of(object + at));
}

static void child(void *arg)
{
	char *mine = pinned_malloc(1000);

	(void)arg;
	EQUAL(pinned_v2p(object), PINNED_NO_PHYS);
	FILLED(object, SIZE, 3);
	fill(object, SIZE, 4);
	FILLED(object, SIZE, 4);
	EQUAL(pinned_v2p(mine), phys_of(mine));
}

int main(void)
{
	/* A fork needs as many pages again as the parent holds, and the child some of its own. */
	EQUAL(write_text(HUGE_PAGES, "40"), 0);
	CHECK(read_number(HUGE_PAGES) == 40);
	EQUAL(unload_module(), 0);
	CHECK(!strcmp(pinned_backend(), "hugetlb"));
	object = pinned_malloc(SIZE);
	CHECK(object);
	fill(object, SIZE, 3);
	check_pages();
	for (int i = 0; i < 3; i++) {
		ENDED_WELL(spawn(child, NULL));
		FILLED(object, SIZE, 3);
		check_pages();
	}
	pinned_free(object);
	CHECK(pinned_purge());
	EQUAL(write_text(HUGE_PAGES, "0"), 0);
	EQUAL(load_module(), 0);
	return 0;
}

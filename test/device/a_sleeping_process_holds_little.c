// SPDX-License-Identifier: MIT
/*
 * Protects the system's memory from processes that sleep after a peak: the driver gets the chunks
 * back in the calls that free, except for a few (Faults E18). A process that needs the same chunks
 * again and again makes no more requests to the driver.
 */
#include "guest.h"
#include "pinned.h"

#define OBJECTS 40
#define FEW 5

static struct pinned_stats get_stats(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	WORKS(pinned_stats(&stats));
	return stats;
}

static void make_peak(void)
{
	char *objects[OBJECTS];

	for (size_t i = 0; i < OBJECTS; i++) {
		objects[i] = pinned_malloc(1900000);
		CHECK(objects[i]);
		objects[i][1000000] = 1;
	}
	CHECK(used_chunks() >= OBJECTS);
	for (size_t i = 0; i < OBJECTS; i++)
		pinned_free(objects[i]);
}

int main(void)
{
	struct pinned_stats before, after;

	make_peak();
	CHECK(used_chunks() <= FEW);
	for (int i = 0; i < 3; i++)
		make_peak();
	before = get_stats();
	for (int i = 0; i < 20; i++)
		make_peak();
	after = get_stats();
	EQUAL(after.populate_calls, before.populate_calls);
	EQUAL(after.punch_calls, before.punch_calls);
	CHECK(pinned_purge() > 0);
	CHECK(used_chunks() <= 1);
	return 0;
}

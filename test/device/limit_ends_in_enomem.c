// SPDX-License-Identifier: MIT
/*
 * Protects a process that reaches the driver's limit: further allocations fail with ENOMEM at once,
 * the existing ones stay intact, and memory that the process frees can be allocated again (Faults
 * B33).
 */
#include "guest.h"
#include "pinned.h"

static char *objects[400];

int main(void)
{
	unsigned long limit = read_number(LIMIT_FILE);
	size_t count = 0;

	EQUAL(write_text(LIMIT_FILE, "40"), 0);
	while (count < 400 && (objects[count] = pinned_malloc(300000)))
		fill(objects[count], 300000, count), count++;
	EQUAL(errno, ENOMEM);
	CHECK(count > 100 && count < 400);
	CHECK(used_chunks() <= 40);
	for (size_t i = 0; i < count; i++)
		FILLED(objects[i], 300000, i);
	CHECK(!pinned_malloc(10 * CHUNK));

	for (size_t i = 0; i < count; i++)
		pinned_free(objects[i]);
	objects[0] = pinned_malloc(30 * CHUNK);
	CHECK(objects[0]);
	fill(objects[0], 30 * CHUNK, 1);
	FILLED(objects[0], 30 * CHUNK, 1);
	pinned_free(objects[0]);

	char text[32];

	snprintf(text, sizeof(text), "%lu", limit);
	EQUAL(write_text(LIMIT_FILE, text), 0);
	return 0;
}

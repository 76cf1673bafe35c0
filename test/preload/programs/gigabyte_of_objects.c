// SPDX-License-Identifier: MIT
/*
 * Protects large programs: a gigabyte of objects of mixed sizes takes few mappings, far
 * fewer than vm.max_map_count, and the memory goes back to the system after the objects are
 * freed and the heap is trimmed (Faults B30).
 */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../lib/check.h"

#define OBJECTS 20000
#define TOTAL ((size_t)1 << 30)

static int count_mappings(void)
{
	char buffer[4096];
	ssize_t got;
	int lines = 0;
	FILE *file = fopen("/proc/self/maps", "r");

	CHECK(file);
	while ((got = (ssize_t)fread(buffer, 1, sizeof(buffer), file)) > 0)
		for (ssize_t i = 0; i < got; i++)
			lines += buffer[i] == '\n';
	fclose(file);
	return lines;
}

int main(void)
{
	static void *objects[OBJECTS];
	unsigned long state = 88172645463325252;
	int before = count_mappings(), most = 0, count = 0;
	long resident = resident_kib();

	for (size_t sum = 0; sum < TOTAL && count < OBJECTS; count++) {
		size_t size = next_random(&state) % ((size_t)1 << (4 + next_random(&state) % 20));

		objects[count] = malloc(size);
		CHECK(objects[count]);
		*(char *)objects[count] = 1;
		sum += size;
	}
	most = count_mappings();
	/* Free every second object, so that the remaining memory is in pieces. */
	for (int i = 0; i < count; i += 2)
		free(objects[i]);
	malloc_trim(0);
	if (count_mappings() > most)
		most = count_mappings();
	for (int i = 1; i < count; i += 2)
		free(objects[i]);
	malloc_trim(0);
	if (most > before + 2000)
		dprintf(STDERR_FILENO, "%d mappings became %d\n", before, most);
	CHECK(most <= before + 2000);
	if (resident_kib() > resident + 16384)
		dprintf(STDERR_FILENO, "%ld KiB became %ld\n", resident, resident_kib());
	CHECK(resident_kib() <= resident + 16384);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Where does malloc place objects? Allocates many objects of one size, and repeatedly reads and
 * writes the first word of each in turn. If all of these words map to a few cache sets, then each
 * access misses. Prints nanoseconds per access, of elapsed time and of CPU time.
 *
 * usage: touch SIZE OBJECTS [PERCENT]
 */
#include "clock.h"
#include "suite/workload.h"

static void touch_all(volatile uint64_t **objects, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(*objects[i])++;
}

int main(int argc, char **argv)
{
	volatile uint64_t **objects;
	size_t size, count, rounds;
	struct moment begin, cost;

	if (argc < 3) {
		fprintf(stderr, "usage: touch SIZE OBJECTS [PERCENT]\n");
		return 2;
	}
	size = strtoul(argv[1], NULL, 10);
	count = strtoul(argv[2], NULL, 10);
	rounds = amount(argc - 2, argv + 2, 20000);
	objects = checked(calloc(count, sizeof(*objects)));
	for (size_t i = 0; i < count; i++)
		objects[i] = take(size);
	touch_all(objects, count);
	begin = now();
	for (size_t i = 0; i < rounds; i++)
		touch_all(objects, count);
	cost = since(begin, rounds * count);
	printf("%.3f %.3f\n", cost.wall, cost.cpu);
	return 0;
}

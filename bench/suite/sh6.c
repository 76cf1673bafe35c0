// SPDX-License-Identifier: MIT
/*
 * Generations of objects, far more small ones than large ones. Most objects of a generation are
 * soon freed, in the order of allocation or in reverse; every fourth one stays until its slot is
 * needed.
 */
#include "workload.h"

#define BATCH 5000
#define KEPT 20000
#define DOUBLINGS 6

static void free_batch(void **objects, size_t generation)
{
	for (size_t i = 0; i < BATCH; i++) {
		size_t at = generation % 2 ? i : BATCH - 1 - i;

		free(objects[at]);
	}
}

int main(int argc, char **argv)
{
	void **kept = checked(calloc(KEPT, sizeof(*kept)));
	void **objects = checked(calloc(BATCH, sizeof(*objects)));
	size_t generations = amount(argc, argv, 3000), next = 0;
	uint64_t random = random_seed(0);

	for (size_t g = 0; g < generations; g++) {
		for (size_t i = 0; i < BATCH; i++) {
			size_t doublings = 1 + random_below(&random, DOUBLINGS);

			objects[i] = take(random_size(&random, 8, (unsigned int)doublings));
			if (i % 4 == 0) {
				void *old = kept[next];

				kept[next] = objects[i];
				objects[i] = old;
				next = (next + 1) % KEPT;
			}
		}
		free_batch(objects, g);
	}
	for (size_t i = 0; i < KEPT; i++)
		free(kept[i]);
	free(kept);
	free(objects);
	return 0;
}

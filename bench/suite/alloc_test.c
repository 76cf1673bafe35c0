// SPDX-License-Identifier: MIT
/*
 * One thread and a large table of slots. Each step picks a random slot, and allocates an object if
 * the slot is empty, else frees its object. Sizes and lifetimes are random, half of the slots are
 * in use, and the working set is larger than the CPU's caches.
 */
#include "workload.h"

#define SLOTS 100000
#define DOUBLINGS 7

int main(int argc, char **argv)
{
	void **slots = checked(calloc(SLOTS, sizeof(*slots)));
	size_t steps = amount(argc, argv, 10000000);
	uint64_t random = random_seed(0);

	for (size_t i = 0; i < steps; i++) {
		void **slot = &slots[random_below(&random, SLOTS)];

		if (*slot) {
			free(*slot);
			*slot = NULL;
		} else {
			*slot = take(random_size(&random, 8, DOUBLINGS));
		}
	}
	for (size_t i = 0; i < SLOTS; i++)
		free(slots[i]);
	free(slots);
	return 0;
}

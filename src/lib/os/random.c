// SPDX-License-Identifier: MIT
/*
 * splitmix64 over a counter that all threads share: one atomic addition and a few multiplications.
 * Whoever sees a whole number can compute the next ones; the places of objects reveal only a few
 * bits of each number.
 */
#include "os/random.h"

#include "os/sys.h"

#define STEP 0x9e3779b97f4a7c15u

bool pn_random_is_on;

static uint64_t counter;

void pn_random_init(void)
{
	counter = pn_sys_random();
	pn_random_is_on = true;
}

void pn_random_in_child(void)
{
	if (pn_random_is_on)
		__atomic_store_n(&counter, pn_sys_random(), __ATOMIC_RELAXED);
}

uint64_t pn_random_next(void)
{
	uint64_t x = __atomic_add_fetch(&counter, STEP, __ATOMIC_RELAXED);

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

size_t pn_random_below(size_t limit)
{
	return (size_t)(((pn_random_next() >> 32) * limit) >> 32);
}

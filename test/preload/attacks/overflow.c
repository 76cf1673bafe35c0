// SPDX-License-Identifier: MIT
/*
 * A write goes past the end of an object or before its beginning. The goal: the content of
 * other objects changes (Faults B34).
 */
#include "attack.h"

#define MANY 64

static char *objects[MANY];

static void fill(size_t size, int count)
{
	for (int i = 0; i < count; i++) {
		objects[i] = take(size);
		memset(objects[i], 'v', size);
	}
}

/* Returns whether the content of an object other than @except has changed. */
static bool is_changed(size_t size, int count, int except)
{
	for (int i = 0; i < count; i++)
		for (size_t at = 0; i != except && at < size; at++)
			if (objects[i][at] != 'v')
				return true;
	return false;
}

static bool off_by_one(void)
{
	fill(64, MANY);
	*(char *)opaque(objects[MANY / 2] + 64) = 'A';
	return is_changed(64, MANY, MANY / 2);
}

/* If a size is smaller than its size class, there is unused room after the object. */
static bool off_by_one_of_odd_size(void)
{
	fill(40, MANY);
	*(char *)opaque(objects[MANY / 2] + 40) = 'A';
	return is_changed(40, MANY, MANY / 2);
}

static bool linear(void)
{
	fill(64, MANY);
	memset(opaque(objects[MANY / 2] + 64), 'A', 100);
	return is_changed(64, MANY, MANY / 2);
}

static bool before_the_begin(void)
{
	fill(64, MANY);
	memset(opaque(objects[MANY / 2] - 32), 'A', 32);
	return is_changed(64, MANY, MANY / 2);
}

/* Writes into the nearest object above, if the gap before it has at most @most bytes. */
static bool runs_into_the_next(size_t size, size_t most)
{
	int from = 0;
	size_t gap = SIZE_MAX;

	fill(size, 4);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			if (objects[j] > objects[i] && (size_t)(objects[j] - objects[i]) < gap) {
				gap = (size_t)(objects[j] - objects[i]);
				from = i;
			}
	if (gap > size + most)
		return false;
	memset(opaque(objects[from] + size), 'A', gap - size + 100);
	return is_changed(size, 4, from);
}

static bool linear_of_medium(void)
{
	return runs_into_the_next(100 << 10, 64 << 10);
}

static bool linear_of_large(void)
{
	return runs_into_the_next((size_t)10 << 20, (size_t)8 << 20);
}

static const struct attack attacks[] = {
	ATTACK(off_by_one),	  ATTACK(off_by_one_of_odd_size), ATTACK(linear),
	ATTACK(before_the_begin), ATTACK(linear_of_medium),	  ATTACK(linear_of_large),
};

ATTACK_MAIN(attacks)

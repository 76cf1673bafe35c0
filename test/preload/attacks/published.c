// SPDX-License-Identifier: MIT
/*
 * The attacks of mimalloc-bench's folder "security", written anew, but for those that need C++:
 * each with objects of 8 bytes, of a page and of a quarter MiB. The goal of an attack is that the
 * program goes on as if nothing had happened. Most programs allocate something sooner or later, if
 * only a buffer for their output, so every attack that ends without a free is followed by that
 * (Faults E27, B34).
 */
#include <string.h>

#include "attack.h"

#define SMALL 8
#define MEDIUM 4096
#define LARGE (256 << 10)
#define MIB (1 << 20)

#define MANY 64
#define PAIRS 4096

static char zeros[LARGE + MIB];

/* What the program does next. Returns true: it was not stopped. */
static bool goes_on(void)
{
	take(4096);
	return true;
}

static bool frees_and_goes_on(void *object)
{
	drop(object);
	return goes_on();
}

static __attribute__((noinline)) void copy(char *to, const char *from, size_t size)
{
	memcpy(opaque(to), opaque((void *)from), size);
}

static void flip(char *byte)
{
	*(volatile char *)opaque(byte) ^= 'A';
}

/* Writes outside an object. */

/* Changes the byte at @at of an object of @size bytes, which is then freed. */
static bool writes_at(size_t size, long at)
{
	char *object = take(size);

	flip(object + at);
	return frees_and_goes_on(object);
}

/* Copies zeros over the object and @more bytes after it. */
static bool copies_beyond(size_t size, size_t more)
{
	copy(take(size), zeros, size + more);
	return goes_on();
}

/* Copies zeros to @before bytes before the object. */
static bool copies_before(size_t size, size_t before)
{
	copy((char *)take(size) - before, zeros, size);
	return goes_on();
}

/* Frees. */

static bool frees_twice(size_t size, int others_between, bool is_reused)
{
	char *object = take(size), *others[MANY];

	for (int i = 0; i < others_between; i++)
		others[i] = take(size);
	drop(object);
	for (int i = 0; i < others_between; i++)
		drop(others[i]);
	if (is_reused)
		take(size);
	return frees_and_goes_on(object);
}

static bool frees_inside(size_t size, long at)
{
	return frees_and_goes_on((char *)take(size) + at);
}

static bool frees_the_stack(size_t size)
{
	char local[64] __attribute__((aligned(16)));

	take(size);
	return frees_and_goes_on(local);
}

/* Use after free. */

static bool is_reused_at_once(size_t size, size_t next)
{
	char *object = take(size);

	drop(object);
	return take(next) == object;
}

static bool writes_after_free(size_t size)
{
	char *object = take(size);

	drop(object);
	memset(opaque(object), 'A', size);
	return goes_on();
}

static bool writes_before_reuse(size_t size)
{
	char *object = take(size);

	drop(object);
	memset(opaque(object), 'A', size);
	for (int i = 0; i < PAIRS; i++)
		drop(take(size));
	return true;
}

/* Old data. */

static bool is_zero(const char *object, size_t size)
{
	const char *bytes = opaque((void *)object);

	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static bool finds_old_data(size_t size)
{
	char *object = take(size);

	memset(object, 'A', size);
	drop(object);
	return !is_zero(object, size);
}

static bool receives_old_data(size_t size)
{
	char *objects[MANY];

	for (int i = 0; i < MANY; i++) {
		objects[i] = take(size);
		memset(objects[i], 'A', size);
	}
	for (int i = 0; i < MANY; i++)
		drop(objects[i]);
	return !is_zero(take(size), size);
}

/* An object of no bytes. */

static bool reads_nothing(void)
{
	char *object = take(0);

	(void)*(volatile char *)object;
	return frees_and_goes_on(object);
}

static bool writes_nothing(void)
{
	char *object = take(0);

	flip(object);
	return frees_and_goes_on(object);
}

/* Impossible sizes. */

static bool gets_almost_everything(size_t size)
{
	return take(SIZE_MAX - size);
}

/* For each attack, a function for each size. */
#define FOR_SIZES(name, call)               \
	static bool name##_small(void)      \
	{                                   \
		const size_t size = SMALL;  \
                                            \
		return call;                \
	}                                   \
	static bool name##_medium(void)     \
	{                                   \
		const size_t size = MEDIUM; \
                                            \
		return call;                \
	}                                   \
	static bool name##_large(void)      \
	{                                   \
		const size_t size = LARGE;  \
                                            \
		return call;                \
	}

#define SIZES(name) ATTACK(name##_small), ATTACK(name##_medium), ATTACK(name##_large)

FOR_SIZES(byte_after, writes_at(size, (long)size))
FOR_SIZES(byte_32_after, writes_at(size, (long)size + 31))
FOR_SIZES(byte_a_mib_after, writes_at(size, (long)size - 1 + MIB))
FOR_SIZES(byte_before, writes_at(size, -1))
FOR_SIZES(byte_32_before, writes_at(size, -32))
FOR_SIZES(byte_a_mib_before, writes_at(size, -MIB))
FOR_SIZES(copy_1_after, copies_beyond(size, 1))
FOR_SIZES(copy_32_after, copies_beyond(size, 32))
FOR_SIZES(copy_a_mib_after, copies_beyond(size, MIB))
FOR_SIZES(copy_1_before, copies_before(size, 1))
FOR_SIZES(copy_32_before, copies_before(size, 32))
FOR_SIZES(copy_a_mib_before, copies_before(size, MIB))
FOR_SIZES(double_free, frees_twice(size, 0, false))
FOR_SIZES(double_free_between, frees_twice(size, 1, false))
FOR_SIZES(double_free_after_many, frees_twice(size, MANY, false))
FOR_SIZES(free_inside, frees_inside(size, 1))
FOR_SIZES(free_aligned_inside, frees_inside(size, 16))
FOR_SIZES(free_far, frees_inside(size, 16 * MIB))
FOR_SIZES(free_of_stack, frees_the_stack(size))
FOR_SIZES(reused_at_once, is_reused_at_once(size, size))
FOR_SIZES(reused_for_half, is_reused_at_once(size, size / 2))
FOR_SIZES(write_after_free, writes_after_free(size))
FOR_SIZES(write_before_reuse, writes_before_reuse(size))
FOR_SIZES(old_data_in_place, finds_old_data(size))
FOR_SIZES(old_data_in_new, receives_old_data(size))
FOR_SIZES(impossible_size, gets_almost_everything(size))

static const struct attack attacks[] = {
	SIZES(byte_after),	 SIZES(byte_32_after),	     SIZES(byte_a_mib_after),
	SIZES(byte_before),	 SIZES(byte_32_before),	     SIZES(byte_a_mib_before),
	SIZES(copy_1_after),	 SIZES(copy_32_after),	     SIZES(copy_a_mib_after),
	SIZES(copy_1_before),	 SIZES(copy_32_before),	     SIZES(copy_a_mib_before),
	SIZES(double_free),	 SIZES(double_free_between), SIZES(double_free_after_many),
	SIZES(free_inside),	 SIZES(free_aligned_inside), SIZES(free_far),
	SIZES(free_of_stack),	 SIZES(reused_at_once),	     SIZES(reused_for_half),
	SIZES(write_after_free), SIZES(write_before_reuse),  SIZES(old_data_in_place),
	SIZES(old_data_in_new),	 SIZES(impossible_size),     ATTACK(reads_nothing),
	ATTACK(writes_nothing),
};

ATTACK_MAIN(attacks)

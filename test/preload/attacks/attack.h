/* SPDX-License-Identifier: MIT */
/*
 * Shared by the heap attacks. Each attack is a function that does what a bug in a program
 * lets an attacker do, as the literature describes it. The function returns whether the
 * attack reached its goal. The attacker is assumed to know heap addresses, since leaks are
 * common.
 *
 * usage: PROGRAM prints the names of its attacks; PROGRAM NAME tries one.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../lib/check.h"

/* Marks helpers, since no program uses all of them. */
#define UNUSED __attribute__((unused))

struct attack {
	const char *name;
	bool (*reaches_goal)(void);
};

#define ATTACK(name)         \
	{                    \
#name, name, \
	}

/* Calls that the compiler cannot see into, so that it assumes nothing about malloc. */

static UNUSED __attribute__((noinline)) void *take(size_t size)
{
	return opaque(malloc(size));
}

static UNUSED __attribute__((noinline)) void drop(void *pointer)
{
	free(opaque(pointer));
}

static UNUSED __attribute__((noinline)) void *resize(void *pointer, size_t size)
{
	return opaque(realloc(opaque(pointer), size));
}

/* Memory outside the heap that the attacker wants malloc to return. */
static uint64_t target[512] __attribute__((aligned(4096)));

static UNUSED bool is_in_target(const void *pointer)
{
	return (uintptr_t)pointer - (uintptr_t)target < sizeof(target);
}

/* Returns whether malloc returns memory of the target for one of many requests. */
static UNUSED bool reaches_target(size_t size)
{
	for (int i = 0; i < 2000; i++)
		if (is_in_target(take(size)))
			return true;
	return false;
}

static bool do_overlap(const void *a, size_t a_size, const void *b, size_t b_size)
{
	uintptr_t a_at = (uintptr_t)a, b_at = (uintptr_t)b;

	return a && b && a_at < b_at + b_size && b_at < a_at + a_size;
}

/* Returns whether two of @count new objects share memory. */
static UNUSED bool is_given_twice(size_t size, int count)
{
	char *objects[256];

	for (int i = 0; i < count; i++) {
		objects[i] = take(size);
		for (int j = 0; j < i; j++)
			if (do_overlap(objects[i], size, objects[j], size))
				return true;
	}
	return false;
}

/* Returns whether one of @count new objects lies in the memory of a live object. */
static UNUSED bool is_given(const void *owned, size_t owned_size, size_t size, int count)
{
	for (int i = 0; i < count; i++)
		if (do_overlap(take(size), size, owned, owned_size))
			return true;
	return false;
}

/* Writes the word before an object, where glibc keeps the chunk's size. */
static UNUSED void put_size(void *object, uint64_t chunk_size)
{
	((uint64_t *)object)[-1] = chunk_size;
}

static UNUSED void put_chunk(char *object, uint64_t chunk_size)
{
	put_size(object, chunk_size | 1);
	put_size(object + chunk_size, 0x21);
}

/* Returns a free list's link as glibc encodes it. */
static UNUSED uint64_t mangled(const void *link, const void *at)
{
	return (uintptr_t)link ^ ((uintptr_t)at >> 12);
}

static inline int run_attack(const struct attack *attacks, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (!name) {
			dprintf(STDOUT_FILENO, "%s\n", attacks[i].name);
		} else if (!strcmp(name, attacks[i].name)) {
			dprintf(STDOUT_FILENO, "%s\n",
				attacks[i].reaches_goal() ? "attack succeeded" : "no effect");
			/* No exit handler may run on the heap that the attack has damaged. */
			_exit(0);
		}
	}
	return name ? 2 : 0;
}

#define ATTACK_MAIN(attacks)                                                       \
	int main(int argc, char **argv)                                            \
	{                                                                          \
		return run_attack(attacks, sizeof(attacks) / sizeof((attacks)[0]), \
				  argc > 1 ? argv[1] : NULL);                      \
	}

#endif /* ATTACK_H */

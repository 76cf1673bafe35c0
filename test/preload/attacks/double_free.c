// SPDX-License-Identifier: MIT
/*
 * An object is freed twice. The goal: two later objects, or a victim's object and a later one,
 * share memory (Faults B34).
 */
#include <pthread.h>

#include "attack.h"

#define SIZE 100
#define MEDIUM (100 << 10)
#define LARGE ((size_t)10 << 20)
/* The number of objects that glibc's cache can keep. */
#define CACHED 7

static bool immediate(void)
{
	void *object = take(SIZE);

	drop(object);
	drop(object);
	return is_given_twice(SIZE, 64);
}

static bool with_another_between(void)
{
	void *object = take(SIZE), *other = take(SIZE);

	drop(object);
	drop(other);
	drop(object);
	return is_given_twice(SIZE, 64);
}

/* Known as fastbin dup. */
static bool behind_a_full_cache(void)
{
	void *cached[CACHED], *object, *other;

	for (int i = 0; i < CACHED; i++)
		cached[i] = take(SIZE);
	object = take(SIZE);
	other = take(SIZE);
	for (int i = 0; i < CACHED; i++)
		drop(cached[i]);
	drop(object);
	drop(other);
	drop(object);
	return is_given_twice(SIZE, 64);
}

/* A write by a dangling pointer erases the mark that says that the object is free. */
static bool with_its_words_cleared(void)
{
	void *object = take(SIZE);

	drop(object);
	memset(object, 0, 32);
	drop(object);
	return is_given_twice(SIZE, 64);
}

/* After its consolidation a fast chunk can be put on a second list. */
static bool after_consolidation(void)
{
	void *cached[CACHED], *object;

	for (int i = 0; i < CACHED; i++)
		cached[i] = take(64);
	object = take(64);
	for (int i = 0; i < CACHED; i++)
		drop(cached[i]);
	drop(object);
	take(0x400);
	drop(object);
	return is_given_twice(64, 64);
}

static bool behind_many_others(void)
{
	static void *others[3000];
	void *object = take(SIZE);

	for (int i = 0; i < 3000; i++)
		others[i] = take(SIZE);
	drop(object);
	for (int i = 0; i < 3000; i += 2)
		drop(others[i]);
	drop(object);
	return is_given_twice(SIZE, 256);
}

static bool of_medium(void)
{
	void *object = take(MEDIUM), *behind = take(MEDIUM);

	drop(object);
	drop(object);
	(void)behind;
	return is_given_twice(MEDIUM, 16);
}

static bool of_large(void)
{
	void *object = take(LARGE);

	drop(object);
	drop(object);
	return is_given_twice(LARGE, 4);
}

static void *freed_here_too;

static void *free_and_take(void *object)
{
	drop(object);
	freed_here_too = take(SIZE);
	return NULL;
}

static bool in_another_thread(void)
{
	void *object = take(SIZE);
	pthread_t thread;

	drop(object);
	CHECK(!pthread_create(&thread, NULL, free_and_take, object));
	CHECK(!pthread_join(thread, NULL));
	return is_given(freed_here_too, SIZE, SIZE, 64);
}

static bool moved_by_realloc(void)
{
	void *object = take(SIZE), *behind = take(SIZE);

	resize(object, 5000);
	drop(object);
	(void)behind;
	return is_given_twice(SIZE, 64);
}

/* The second free cannot be told from a free by the victim, who owns the object now. */
static bool after_reuse(void)
{
	void *object = take(SIZE), *victim;

	drop(object);
	victim = take(SIZE);
	drop(object);
	return is_given(victim, SIZE, SIZE, 64);
}

static bool of_large_after_reuse(void)
{
	void *object = take(LARGE), *victim;

	drop(object);
	victim = take(LARGE);
	drop(object);
	return is_given(victim, LARGE, LARGE, 4);
}

/* Known as house of botcake: the object is in a cache, and part of a merged chunk. */
static bool through_a_merge(void)
{
	void *cached[CACHED], *before, *object, *merged;

	for (int i = 0; i < CACHED; i++)
		cached[i] = take(0x100);
	before = take(0x100);
	object = take(0x100);
	take(16);
	for (int i = 0; i < CACHED; i++)
		drop(cached[i]);
	drop(object);
	drop(before);
	take(0x100);
	drop(object);
	merged = take(0x120);
	return is_given(merged, 0x120, 0x100, 64);
}

static const struct attack attacks[] = {
	ATTACK(immediate),	     ATTACK(with_another_between),
	ATTACK(behind_a_full_cache), ATTACK(with_its_words_cleared),
	ATTACK(after_consolidation), ATTACK(behind_many_others),
	ATTACK(of_medium),	     ATTACK(of_large),
	ATTACK(in_another_thread),   ATTACK(moved_by_realloc),
	ATTACK(after_reuse),	     ATTACK(of_large_after_reuse),
	ATTACK(through_a_merge),
};

ATTACK_MAIN(attacks)

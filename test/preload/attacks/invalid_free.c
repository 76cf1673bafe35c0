// SPDX-License-Identifier: MIT
/*
 * A pointer that no allocation returned is freed. The goal: malloc returns memory that
 * belongs to a live object, or that is outside the heap (Faults B34).
 */
#include <sys/mman.h>

#include "attack.h"

/* Frees a fake glibc chunk that the attacker has written into the middle of an object. */
static bool frees_interior(size_t size, size_t at)
{
	char *object = take(size);

	memset(object, 0, size);
	put_chunk(object + at, 80);
	drop(object + at);
	return is_given(object, size, 64, 64) || is_given(object, size, size, 4);
}

static bool interior_of_small(void)
{
	return frees_interior(256, 64);
}

static bool interior_of_a_page(void)
{
	return frees_interior(4000, 1024);
}

static bool interior_of_medium(void)
{
	return frees_interior(100 << 10, 4096);
}

static bool interior_of_large(void)
{
	return frees_interior((size_t)10 << 20, (size_t)4 << 20);
}

static bool misaligned(void)
{
	return frees_interior(256, 72);
}

/* Frees the address after an object, where the next object would begin. */
static bool behind_the_object(void)
{
	char *object = take(72);

	put_size(object + 80, 0x51);
	drop(object + 80);
	return is_given_twice(72, 64);
}

/* Known as house of spirit. */
static bool of_a_global(void)
{
	put_chunk((char *)(target + 2), 80);
	drop(target + 2);
	return reaches_target(64);
}

static bool of_the_stack(void)
{
	uint64_t local[64] __attribute__((aligned(64))) = { 0 };

	put_chunk((char *)(local + 2), 80);
	drop(local + 2);
	return is_given(local, sizeof(local), 64, 64);
}

static bool of_a_mapping(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(pages != MAP_FAILED);
	put_chunk(pages + 64, 80);
	drop(pages + 64);
	return is_given(pages, 8192, 64, 64);
}

static bool interior_by_realloc(void)
{
	char *object = take(256);

	memset(object, 0, 256);
	put_chunk(object + 64, 80);
	resize(object + 64, 3000);
	return is_given(object, 256, 64, 64);
}

static bool realloc_of_freed(void)
{
	char *object = take(1000), *behind = take(1000), *resized;

	drop(object);
	resized = resize(object, 990);
	(void)behind;
	return is_given(resized, 990, 1000, 64);
}

static const struct attack attacks[] = {
	ATTACK(interior_of_small),   ATTACK(interior_of_a_page), ATTACK(interior_of_medium),
	ATTACK(interior_of_large),   ATTACK(misaligned),	 ATTACK(behind_the_object),
	ATTACK(of_a_global),	     ATTACK(of_the_stack),	 ATTACK(of_a_mapping),
	ATTACK(interior_by_realloc), ATTACK(realloc_of_freed),
};

ATTACK_MAIN(attacks)

// SPDX-License-Identifier: MIT
/*
 * A freed object is read or written, or malloc returns it again with its old content. The
 * goal: a victim's data are read or changed (Faults B34).
 */
#include "attack.h"

#define SIZE 200
#define LARGE ((size_t)10 << 20)
#define SECRET "the victim's secret"
#define AT 100

static bool has_secret(const char *object)
{
	return !memcmp(object + AT, SECRET, sizeof(SECRET));
}

static bool shows_old_data(size_t size)
{
	char *secret = take(size);

	memcpy(secret + AT, SECRET, sizeof(SECRET));
	drop(secret);
	for (int i = 0; i < 16; i++)
		if (has_secret(take(size)))
			return true;
	return false;
}

static bool old_data(void)
{
	return shows_old_data(SIZE);
}

static bool old_data_of_medium(void)
{
	return shows_old_data(100 << 10);
}

static bool old_data_of_large(void)
{
	return shows_old_data(LARGE);
}

static bool read_after_free(void)
{
	char *secret = take(SIZE);

	memcpy(secret + AT, SECRET, sizeof(SECRET));
	drop(secret);
	return has_secret(opaque(secret));
}

static bool read_after_free_of_large(void)
{
	char *secret = take(LARGE);

	memcpy(secret + AT, SECRET, sizeof(SECRET));
	drop(secret);
	return has_secret(opaque(secret));
}

/* An address of user space, also a disguised one, has zeros in its upper 16 bits. */
static bool holds_addresses(void *object, size_t size)
{
	uint64_t *words = opaque(object);

	for (size_t i = 0; i < size / 8; i++)
		if (words[i] && !(words[i] >> 48))
			return true;
	return false;
}

/* Addresses that the allocator stores in free objects reveal where the heap or a library is. */
static bool address_in_free_object(void)
{
	uint64_t *first = take(2000), *second = take(2000);

	memset(first, 'x', 2000);
	memset(second, 'x', 2000);
	take(16);
	drop(first);
	drop(second);
	return holds_addresses(first, 2000) || holds_addresses(second, 2000);
}

static bool is_changed_through(char *dangling, char *victim)
{
	memset(victim, 'v', SIZE);
	memset(opaque(dangling), 'A', SIZE);
	return *(char *)opaque(victim) != 'v';
}

static bool write_after_reuse(void)
{
	char *dangling = take(SIZE);

	drop(dangling);
	for (int i = 0; i < 16; i++)
		if (is_changed_through(dangling, take(SIZE)))
			return true;
	return false;
}

static bool write_after_realloc(void)
{
	char *dangling = take(SIZE), *behind = take(SIZE);

	resize(dangling, 50000);
	(void)behind;
	for (int i = 0; i < 16; i++)
		if (is_changed_through(dangling, take(SIZE)))
			return true;
	return false;
}

/*
 * The attacker writes to a free object, and then the victim gets it from calloc() and expects
 * zeros.
 */
static bool write_before_calloc(void)
{
	char *dangling = take(SIZE), *victim;

	drop(dangling);
	memset(opaque(dangling), 'A', SIZE);
	for (int i = 0; i < 16; i++) {
		victim = opaque(calloc(1, SIZE));
		for (int at = 0; at < SIZE; at++)
			if (victim[at])
				return true;
	}
	return false;
}

static const struct attack attacks[] = {
	ATTACK(old_data),	   ATTACK(old_data_of_medium),	     ATTACK(old_data_of_large),
	ATTACK(read_after_free),   ATTACK(read_after_free_of_large), ATTACK(address_in_free_object),
	ATTACK(write_after_reuse), ATTACK(write_after_realloc),	     ATTACK(write_before_calloc),
};

ATTACK_MAIN(attacks)

// SPDX-License-Identifier: MIT
/*
 * Protects everything at once: threads do random operations beside a model that
 * knows what each object must contain. The seed is printed, and taken from
 * TEST_SEED if that is set (Faults B37).
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pinned.h"
#include "suite.h"

#define THREADS 3
#define OBJECTS 400
#define OPERATIONS 40000

struct model {
	unsigned char *object;
	size_t size;
	unsigned char content;
};

static unsigned int seed_base;

static size_t random_size(unsigned int *seed)
{
	unsigned int bits = (unsigned int)rand_r(seed) % 100 ? 4 + (unsigned int)rand_r(seed) % 10
							     : 23;

	return 1 + (size_t)rand_r(seed) % ((size_t)1 << bits);
}

static void set(struct model *m, void *object, size_t size, unsigned int *seed)
{
	ck_assert_ptr_nonnull(object);
	m->object = object;
	m->size = size;
	m->content = (unsigned char)rand_r(seed);
	memset(object, m->content, size);
}

static void verify_upto(const struct model *m, size_t size)
{
	size_t step = size > 10000 ? 997 : 1;

	for (size_t i = 0; i < size; i += step)
		if (m->object[i] != m->content)
			ck_abort_msg("byte %zu of %zu changed", i, m->size);
}

static void verify(const struct model *m)
{
	verify_upto(m, m->size);
	ck_assert_uint_ge(pinned_usable_size(m->object), m->size);
}

static void resize(struct model *m, unsigned int *seed)
{
	size_t size = random_size(seed);
	struct model moved = *m;

	verify(m);
	moved.object = pinned_realloc(m->object, size);
	ck_assert_ptr_nonnull(moved.object);
	verify_upto(&moved, size < m->size ? size : m->size);
	set(m, moved.object, size, seed);
}

static void allocate(struct model *m, unsigned int *seed)
{
	size_t size = random_size(seed);
	size_t alignment = (size_t)16 << (unsigned int)rand_r(seed) % 10;

	if (rand_r(seed) % 8) {
		set(m, pinned_malloc(size), size, seed);
		return;
	}
	set(m, pinned_memalign(alignment, size), size, seed);
	ck_assert_uint_eq((uintptr_t)m->object % alignment, 0);
}

static void *run(void *argument)
{
	unsigned int seed = seed_base + (unsigned int)(uintptr_t)argument;
	struct model models[OBJECTS] = { { 0 } };

	for (int i = 0; i < OPERATIONS; i++) {
		struct model *m = &models[(size_t)rand_r(&seed) % OBJECTS];

		if (!m->object) {
			allocate(m, &seed);
		} else if (rand_r(&seed) % 3) {
			verify(m);
			pinned_free(m->object);
			m->object = NULL;
		} else {
			resize(m, &seed);
		}
		if (!(rand_r(&seed) % 5000))
			pinned_purge();
	}
	for (size_t i = 0; i < OBJECTS; i++) {
		if (models[i].object)
			verify(&models[i]);
		pinned_free(models[i].object);
	}
	return NULL;
}

START_TEST(random_operations_agree_with_the_model)
{
	const char *wanted = getenv("TEST_SEED");
	pthread_t threads[THREADS];
	struct pinned_stats stats = { .size = sizeof(stats) };

	seed_base = wanted ? (unsigned int)strtoul(wanted, NULL, 10) : (unsigned int)time(NULL);
	printf("TEST_SEED=%u\n", seed_base);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, (void *)i), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(pinned_stats(&stats), 0);
	ck_assert_uint_eq(stats.object_bytes - stats.cached_bytes, 0);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, random_operations_agree_with_the_model);
}

int main(void)
{
	return run_suite("stress_with_model", add);
}

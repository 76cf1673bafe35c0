// SPDX-License-Identifier: MIT
/*
 * Protects the content of objects under everything at once, with coarse and with fine size
 * classes: threads do random operations on shared objects of up to 8 MiB, and a model says
 * what each object must contain. The threads also purge, and fork children that do the
 * same. TEST_SEED sets the seed (Faults B12, B36, B37).
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pinned.h"
#include "suite.h"

#define THREADS 3
#define OBJECTS 400
#define OPERATIONS 25000
#define FORKS 12

static struct model {
	pthread_mutex_t lock;
	unsigned char *object;
	size_t size;
	unsigned char content;
} models[OBJECTS];

static unsigned int seed_base;

/* Assertions of the Check library take a lock that may stay held for ever in a forked child. */
#define EXPECT(condition) ((condition) ? (void)0 : failed(__LINE__, #condition))

_Noreturn static void failed(int line, const char *expected)
{
	dprintf(STDERR_FILENO, "line %d: expected: %s\n", line, expected);
	_exit(1);
}

static size_t random_size(unsigned int *seed)
{
	unsigned int bits = (unsigned int)rand_r(seed) % 100 ? 4 + (unsigned int)rand_r(seed) % 10
							     : 23;

	return 1 + (size_t)rand_r(seed) % ((size_t)1 << bits);
}

static void set(struct model *m, void *object, size_t size, unsigned int *seed)
{
	EXPECT(object);
	m->object = object;
	m->size = size;
	m->content = (unsigned char)rand_r(seed);
	memset(object, m->content, size);
}

static void verify_upto(const struct model *m, size_t size)
{
	size_t step = size > 10000 ? 997 : 1;

	for (size_t i = 0; i < size; i += step)
		EXPECT(m->object[i] == m->content);
}

static void verify(const struct model *m)
{
	verify_upto(m, m->size);
	EXPECT(pinned_usable_size(m->object) >= m->size);
}

static void resize(struct model *m, unsigned int *seed)
{
	size_t size = random_size(seed);
	struct model moved = *m;

	verify(m);
	moved.object = pinned_realloc(m->object, size);
	EXPECT(moved.object);
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
	EXPECT((uintptr_t)m->object % alignment == 0);
}

/* Does a random operation on the object of @m. The caller holds the lock of @m. */
static void operate(struct model *m, unsigned int *seed)
{
	if (!m->object) {
		allocate(m, seed);
	} else if (rand_r(seed) % 3) {
		verify(m);
		pinned_free(m->object);
		m->object = NULL;
	} else {
		resize(m, seed);
	}
}

/* Skips objects whose lock another thread held at the fork: nobody unlocks them in the child. */
static _Noreturn void live_as_child(unsigned int seed)
{
	for (int i = 0; i < OPERATIONS / 100; i++) {
		struct model *m = &models[(size_t)rand_r(&seed) % OBJECTS];

		if (pthread_mutex_trylock(&m->lock))
			continue;
		operate(m, &seed);
		pthread_mutex_unlock(&m->lock);
	}
	_exit(0);
}

/*
 * Forks a child and checks that it exits with 0; a failed check in the child makes it exit with 1.
 */
static void fork_child(unsigned int seed)
{
	pid_t child = fork();
	int status;

	EXPECT(child >= 0);
	if (child == 0)
		live_as_child(seed);
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

static void *run(void *argument)
{
	unsigned int seed = seed_base + (unsigned int)(uintptr_t)argument;

	for (int i = 0; i < OPERATIONS; i++) {
		struct model *m = &models[(size_t)rand_r(&seed) % OBJECTS];

		pthread_mutex_lock(&m->lock);
		operate(m, &seed);
		pthread_mutex_unlock(&m->lock);
		if (!(rand_r(&seed) % 5000))
			pinned_purge();
		if (!(rand_r(&seed) % (OPERATIONS / FORKS)))
			fork_child(seed);
	}
	return NULL;
}

static void begin(const char *configuration)
{
	setenv("PINNED_CONF", configuration, 1);
	seed_base = test_seed();
	for (size_t i = 0; i < OBJECTS; i++)
		pthread_mutex_init(&models[i].lock, NULL);
}

static void end(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	for (size_t i = 0; i < OBJECTS; i++) {
		if (models[i].object)
			verify(&models[i]);
		pinned_free(models[i].object);
	}
	ck_assert_int_eq(pinned_stats(&stats), 0);
	ck_assert_uint_eq(stats.object_bytes - stats.cached_bytes, 0);
}

START_TEST(random_operations_agree_with_the_model)
{
	static const char *const configurations[] = {
		"backend:anon",
		"backend:anon,classes:fine,decay_ms:0",
		"backend:anon,guard:100",
	};
	pthread_t threads[THREADS];

	begin(configurations[_i]);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, (void *)i), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	end();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, random_operations_agree_with_the_model, 0, 3);
}

int main(void)
{
	return run_suite("stress_with_model", add);
}

// SPDX-License-Identifier: MIT
/*
 * Protects programs with threads: several threads do random operations, also on each other's
 * objects, and a model checks sizes, alignments, contents, and that objects do not overlap
 * (Faults B37). A failure prints the seed, which can be given as the argument.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "../../lib/check.h"

#define THREADS 3
#define OBJECTS 2000
#define OPERATIONS 150000

static struct object {
	pthread_mutex_t lock;
	unsigned char *bytes;
	size_t size;
	unsigned char mark;
} objects[OBJECTS];

static unsigned long seed;

static void expect(int condition, const char *what)
{
	if (!condition)
		dprintf(STDERR_FILENO, "seed %lu: %s\n", seed, what);
	CHECK(condition);
}

static size_t random_size(unsigned long random)
{
	unsigned int bits = random % 100 < 97 ? random / 100 % 14 : random / 100 % 23;

	return random / 7919 % ((size_t)2 << bits);
}

static void mark(struct object *object, unsigned char byte)
{
	object->mark = byte;
	memset(object->bytes, byte, object->size);
}

static void check_marked(const struct object *object, size_t size)
{
	for (size_t i = 0; i < size; i += i < 64 || i + 64 >= size ? 1 : 61)
		expect(object->bytes[i] == object->mark, "content differs");
}

static void create(struct object *object, unsigned long random)
{
	size_t align = (size_t)1 << random / 64 % 16;
	size_t size = random_size(random);
	void *bytes = NULL;

	switch (random % 8) {
	case 0:
		expect(!posix_memalign(&bytes, align < 8 ? 8 : align, size), "posix_memalign");
		break;
	case 1:
		bytes = memalign(align, size);
		break;
	case 2:
		bytes = calloc(1, size);
		for (size_t i = 0; bytes && i < size; i++)
			expect(!((char *)bytes)[i], "calloc is not zero");
		break;
	case 3:
		bytes = realloc(NULL, size);
		break;
	default:
		bytes = malloc(size);
	}
	expect(bytes != NULL, "no memory");
	expect(random % 8 > 1 || !((uintptr_t)bytes & (align - 1)), "alignment");
	expect(malloc_usable_size(bytes) >= size, "usable size");
	object->bytes = bytes;
	object->size = size;
	mark(object, (unsigned char)(random >> 8));
}

static void resize(struct object *object, unsigned long random)
{
	size_t size = random_size(random) + 1;
	unsigned char *bytes = realloc(object->bytes, size);

	expect(bytes != NULL, "no memory");
	object->bytes = bytes;
	check_marked(object, size < object->size ? size : object->size);
	object->size = size;
	mark(object, (unsigned char)(random >> 16));
}

static void *operate(void *number)
{
	unsigned long state = seed * THREADS + (uintptr_t)number;

	for (int i = 0; i < OPERATIONS; i++) {
		unsigned long random = next_random(&state);
		struct object *object = &objects[next_random(&state) % OBJECTS];

		pthread_mutex_lock(&object->lock);
		if (!object->bytes) {
			create(object, random);
		} else {
			check_marked(object, object->size);
			if (random % 4) {
				free(object->bytes);
				object->bytes = NULL;
			} else {
				resize(object, random / 4);
			}
		}
		pthread_mutex_unlock(&object->lock);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	seed = argc > 1 ? strtoul(argv[1], NULL, 0) : (unsigned long)time(NULL) | 1;
	for (int i = 0; i < OBJECTS; i++)
		pthread_mutex_init(&objects[i].lock, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, operate, (void *)i));
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_join(threads[i], NULL));
	for (int i = 0; i < OBJECTS; i++)
		free(objects[i].bytes);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Fuzzes libpinned's functions by libFuzzer: an input is a sequence of calls on a few
 * objects, and a model says what each object must contain. At the end all objects are
 * freed, and the statistics must show that. PINNED_CONF selects size classes and limit.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pinned.h"

#define OBJECTS 32
#define SIZE_MOST ((size_t)8 << 20)

#define CHECK(condition) ((condition) ? (void)0 : failed(__LINE__, #condition))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at;
	const uint8_t *end;
};

static struct object {
	unsigned char *bytes;
	size_t size;
	unsigned char content;
} objects[OBJECTS];

_Noreturn static void failed(int line, const char *expected)
{
	fprintf(stderr, "line %d: expected: %s\n", line, expected);
	abort();
}

static unsigned int next(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

/* Reads a size from 24 bits of the input: first its magnitude, then the remaining bits. */
static size_t next_size(struct input *input)
{
	unsigned int magnitude = next(input);
	size_t bits = next(input) << 8;

	bits |= next(input);
	magnitude %= magnitude < 240 ? 16 : 24; /* large sizes take time, so they are rare */
	return ((size_t)1 << magnitude) * (65536 + bits) / 65536 - (bits & 1);
}

static size_t next_alignment(struct input *input)
{
	return (size_t)1 << next(input) % 25;
}

/* Returns the place after @i that is written and checked: both ends and some in the middle. */
static size_t next_place(size_t i, size_t size)
{
	size_t step = size < 65536 ? 31 : 1997;

	if (i < 32 || i + 32 >= size)
		return i + 1;
	return i + step < size - 32 ? i + step : size - 32;
}

static void fill(struct object *object)
{
	for (size_t i = 0; i < object->size; i = next_place(i, object->size))
		object->bytes[i] = object->content;
}

/* Checks the first @size of @bytes at the places that fill() wrote for @object. */
static void check(const struct object *object, const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i = next_place(i, object->size))
		CHECK(bytes[i] == object->content);
}

static void check_place(const struct object *object)
{
	CHECK(pinned_usable_size(object->bytes) >= object->size);
	CHECK(pinned_owns(object->bytes));
	/* This backend knows no physical address. */
	CHECK(pinned_v2p(object->bytes) == PINNED_NO_PHYS);
}

static void set(struct object *object, void *bytes, size_t size, size_t alignment)
{
	static unsigned char content;

	if (!bytes) {
		CHECK(errno == ENOMEM);
		return;
	}
	CHECK(!((uintptr_t)bytes & (alignment - 1)));
	*object = (struct object){ .bytes = bytes, .size = size, .content = ++content };
	check_place(object);
	fill(object);
}

static void make_zeroed(struct object *object, size_t count, size_t size)
{
	unsigned char *bytes = pinned_calloc(count, size);

	if (bytes)
		for (size_t i = 0; i < count * size; i = next_place(i, count * size))
			CHECK(!bytes[i]);
	set(object, bytes, count * size, size < 16 ? 1 : 16);
}

static void resize(struct object *object, size_t size)
{
	size_t kept = size < object->size ? size : object->size;
	unsigned char *bytes = pinned_realloc(object->bytes, size);

	if (!size) {
		CHECK(!bytes);
		object->bytes = NULL;
	} else if (bytes) {
		check(object, bytes, kept);
		set(object, bytes, size, 1);
	} else {
		check(object, object->bytes, object->size);
	}
}

static void refuse(const struct object *object, size_t size)
{
	errno = 0;
	CHECK(!pinned_malloc(SIZE_MAX - size) && errno == ENOMEM);
	CHECK(!pinned_calloc(SIZE_MAX / 2 + 1, 2 + size));
	if (object->bytes)
		CHECK(!pinned_realloc(object->bytes, SIZE_MAX / 2 + 1 + size));
	errno = 0;
	CHECK(!pinned_memalign(3 + 2 * size, 1) && errno == EINVAL);
}

static void destroy(struct object *object)
{
	if (!object->bytes)
		return;
	check(object, object->bytes, object->size);
	errno = E2BIG;
	pinned_free(object->bytes);
	CHECK(errno == E2BIG);
	object->bytes = NULL;
}

static void make(struct object *object, unsigned int how, struct input *input)
{
	size_t size = next_size(input), alignment;

	switch (how) {
	case 0:
		make_zeroed(object, 1 + next(input) % 8, size);
		break;
	case 1:
		alignment = next_alignment(input);
		set(object, pinned_memalign(alignment, size), size, alignment);
		break;
	default:
		set(object, pinned_malloc(size), size, size < 16 ? 1 : 16);
	}
}

static void step(struct input *input)
{
	unsigned int what = next(input);
	struct object *object = &objects[next(input) % OBJECTS];

	switch (what % 16) {
	case 0:
		pinned_purge();
		break;
	case 1:
		refuse(object, next_size(input));
		break;
	default:
		if (!object->bytes)
			make(object, what % 4, input);
		else if (what % 3)
			destroy(object);
		else
			resize(object, next_size(input));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	struct pinned_stats stats = { .size = sizeof(stats) };

	while (input.at < input.end)
		step(&input);
	for (size_t i = 0; i < OBJECTS; i++)
		destroy(&objects[i]);
	CHECK(!pinned_stats(&stats));
	CHECK(stats.object_bytes == stats.cached_bytes);
	CHECK(stats.chunk_bytes <= stats.peak_chunk_bytes);
	return 0;
}

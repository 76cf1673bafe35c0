// SPDX-License-Identifier: MIT
/*
 * Protects callers of the malloc family: each function matches a model of what POSIX, C23 and
 * glibc's manual say (Faults B26, B37). Results for extreme arguments are printed, so that the test
 * can compare those of the shim with those of glibc; random operations with ordinary arguments are
 * checked here. A failed check prints the seed, which can be given as the argument.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../lib/check.h"

#define OBJECTS 500
#define OPERATIONS 60000
#define TOTAL ((size_t)40 << 20)
#define MAX ((size_t)PTRDIFF_MAX)

static unsigned long seed, state;

#define EXPECT(condition) ((condition) ? (void)0 : failed(__LINE__, #condition))

_Noreturn static void failed(int line, const char *expected)
{
	dprintf(STDERR_FILENO, "seed %lu: ", seed);
	check_failed(__FILE__, line, expected);
}

/* Extreme arguments. */

static const volatile size_t edge_sizes[] = {
	0,	  1, 8, 16, 4096, MAX - 4096, MAX - 1, MAX, MAX + 1, SIZE_MAX - 4096, SIZE_MAX - 31,
	SIZE_MAX,
};
static const volatile size_t edge_alignments[] = {
	1, 2, 4, 8, 16, 64, 4096, (size_t)2 << 20, (size_t)1 << 28, (size_t)1 << 62, MAX + 1,
};
static const volatile size_t odd_alignments[] = {
	0, 3, 12, 24, 4095, 4097, ((size_t)1 << 28) + 1, MAX, MAX + 2, SIZE_MAX,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int is_aligned(const void *pointer, size_t alignment)
{
	return !((uintptr_t)pointer & (alignment - 1));
}

/* Prints the result of a call and frees the object. */
static void say(const char *call, size_t a, size_t b, void *object, size_t alignment, size_t size)
{
	int error = errno;

	if (!object) {
		dprintf(STDOUT_FILENO, "%s(%zu, %zu): NULL, error %d\n", call, a, b, error);
		return;
	}
	dprintf(STDOUT_FILENO, "%s(%zu, %zu): memory\n", call, a, b);
	EXPECT(is_aligned(object, alignment));
	EXPECT(malloc_usable_size(object) >= size);
	memset(object, 1, malloc_usable_size(object));
	free(object);
}

#define SAY(call, a, b, alignment, size)                         \
	do {                                                     \
		errno = 0;                                       \
		say(#call, a, b, opaque(call), alignment, size); \
	} while (0)

/* A block that a failed call must leave as it was. */
static char *make_witness(void)
{
	char *witness = malloc(100);

	EXPECT(witness);
	memset(witness, 7, 100);
	return witness;
}

static void check_witness(char *witness)
{
	for (int i = 0; i < 100; i++)
		EXPECT(witness[i] == 7);
	free(witness);
}

static void say_realloc(size_t size)
{
	char *witness = make_witness(), *moved;

	errno = 0;
	moved = realloc(witness, size);
	dprintf(STDOUT_FILENO, "realloc(%zu): %s, error %d\n", size, moved ? "memory" : "NULL",
		moved ? 0 : errno);
	if (moved)
		free(moved);
	else if (size)
		check_witness(opaque(witness));
}

static void say_array(size_t count, size_t size)
{
	char *witness = make_witness(), *moved;

	SAY(calloc(count, size), count, size, 16, 0);
	errno = 0;
	moved = reallocarray(witness, count, size);
	dprintf(STDOUT_FILENO, "reallocarray(%zu, %zu): %s, error %d\n", count, size,
		moved ? "memory" : "NULL", moved ? 0 : errno);
	if (moved)
		free(moved);
	else if (count && size)
		check_witness(opaque(witness));
}

static void say_posix(size_t alignment, size_t size)
{
	void *object = &object;
	int error;

	errno = E2BIG;
	error = posix_memalign(&object, alignment, size);
	EXPECT(error || errno == E2BIG);
	dprintf(STDOUT_FILENO, "posix_memalign(%zu, %zu): %d\n", alignment, size, error);
	if (error) {
		EXPECT(object == &object);
		return;
	}
	EXPECT(is_aligned(object, alignment) && malloc_usable_size(object) >= size);
	free(object);
}

static size_t up_to_power(size_t alignment)
{
	size_t power = 1;

	while (power < alignment && power < MAX + 1)
		power *= 2;
	return power;
}

static void edges(void)
{
	for (size_t i = 0; i < COUNT(edge_sizes); i++) {
		size_t size = edge_sizes[i];

		SAY(malloc(size), size, 0, size < 16 ? 8 : 16, size);
		SAY(realloc(NULL, size), size, 0, size < 16 ? 8 : 16, size);
		SAY(valloc(size), size, 0, 4096, size);
		SAY(pvalloc(size), size, 0, 4096, size);
		say_realloc(size);
		for (size_t k = 0; k < COUNT(edge_sizes); k++)
			say_array(edge_sizes[k], size);
		for (size_t k = 0; k < COUNT(edge_alignments); k++) {
			size_t alignment = edge_alignments[k];

			SAY(memalign(alignment, size), alignment, size, alignment, size);
			SAY(aligned_alloc(alignment, size), alignment, size, alignment, size);
			say_posix(alignment, size);
		}
		for (size_t k = 0; k < COUNT(odd_alignments); k++) {
			size_t alignment = odd_alignments[k];

			SAY(memalign(alignment, size), alignment, size, up_to_power(alignment),
			    size);
			say_posix(alignment, size);
			/* C17 and glibc since 2.38 refuse this; before, it was memalign(). */
			errno = 0;
			if (!opaque(aligned_alloc(alignment, 1)))
				EXPECT(errno == EINVAL || errno == ENOMEM);
		}
	}
}

/* Tuning and figures. */

static void tuning(void)
{
	static const int parameters[] = {
		M_MXFAST,   M_TRIM_THRESHOLD, M_TOP_PAD,    M_MMAP_THRESHOLD,
		M_MMAP_MAX, M_CHECK_ACTION,   M_ARENA_TEST, M_ARENA_MAX,
		12345,	    -12345,
	};
	static const int values[] = { 0, 1, 64, 1 << 20 };

	for (size_t i = 0; i < COUNT(parameters); i++)
		for (size_t k = 0; k < COUNT(values); k++)
			dprintf(STDOUT_FILENO, "mallopt(%d, %d): %d\n", parameters[i], values[k],
				mallopt(parameters[i], values[k]));
	mallopt(M_MMAP_MAX, 65536);
}

/* Returns the bytes in use according to mallinfo(), whose figures are ints large enough here. */
static size_t in_use_by_ints(void)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	struct mallinfo info = mallinfo();
#pragma GCC diagnostic pop

	return (size_t)info.uordblks + (size_t)info.hblkhd;
}

static size_t in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/*
 * Checks for objects of one size that the figures are right and that malloc_trim() gives memory
 * back.
 */
static void figures(size_t size)
{
	static char *objects[TOTAL / 2000];
	size_t count = TOTAL / size, before = in_use();
	long resident;

	for (size_t i = 0; i < count; i++) {
		objects[i] = malloc(size);
		EXPECT(objects[i]);
		memset(objects[i], 1, size);
	}
	EXPECT(in_use() >= before + count * size);
	EXPECT(in_use() <= before + count * size * 17 / 8);
	EXPECT(mallinfo2().arena + mallinfo2().hblkhd >= count * size);
	EXPECT(in_use_by_ints() >= count * size);
	resident = resident_kib();
	for (size_t i = 0; i < count; i++)
		free(objects[i]);
	malloc_trim(0);
	EXPECT(in_use() <= before + (64 << 10));
	EXPECT(resident_kib() < resident - (30 << 10));
}

/* Random operations. */

/*
 * How C23 allows to free an object: only without its size, with its size, or with an alignment too.
 */
#define UNSIZED SIZE_MAX
#define PLAIN 0

static struct object {
	unsigned char *bytes;
	size_t size;
	size_t alignment;
	unsigned char content;
} objects[OBJECTS];

static void (*sized)(void *object, size_t size);
static void (*aligned_sized)(void *object, size_t alignment, size_t size);

static size_t pick(size_t below)
{
	return next_random(&state) % below;
}

static size_t pick_size(void)
{
	return pick((size_t)2 << pick(pick(30) ? 15 : 23));
}

static void set(struct object *object, void *bytes, size_t size, size_t alignment)
{
	EXPECT(bytes && malloc_usable_size(bytes) >= size);
	object->bytes = bytes;
	object->size = size;
	object->alignment = alignment;
	object->content = (unsigned char)(next_random(&state) % 255 + 1);
	memset(bytes, object->content, malloc_usable_size(bytes));
}

static void check(const struct object *object, const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i += i < 64 || i + 64 >= size ? 1 : 61)
		EXPECT(bytes[i] == object->content);
}

static void create_zeroed(struct object *object, size_t size)
{
	size_t count = pick(3) ? 1 : 1 + pick(100), each = size / count + 1;
	char *bytes = calloc(count, each);

	for (size_t i = 0; bytes && i < count * each; i++)
		EXPECT(!bytes[i]);
	set(object, bytes, count * each, PLAIN);
}

static void create_aligned(struct object *object, size_t alignment, size_t size)
{
	size_t sized_alignment = UNSIZED;
	void *bytes = NULL;

	switch (pick(5)) {
	case 0:
		bytes = memalign(alignment - pick(alignment / 2), size);
		break;
	case 1:
		bytes = aligned_alloc(alignment, size);
		sized_alignment = alignment;
		break;
	case 2:
		EXPECT(!posix_memalign(&bytes, alignment, size));
		break;
	case 3:
		alignment = 4096;
		bytes = valloc(size);
		break;
	default:
		alignment = 4096;
		bytes = pvalloc(size);
		EXPECT(malloc_usable_size(bytes) >= (size + 4095) / 4096 * 4096);
	}
	EXPECT(is_aligned(bytes, alignment));
	set(object, bytes, size, sized_alignment);
}

static void create(struct object *object)
{
	size_t size = pick_size();

	switch (pick(4)) {
	case 0:
		create_zeroed(object, size);
		break;
	case 1:
		create_aligned(object, (size_t)8 << pick(pick(20) ? 10 : 20), size);
		break;
	case 2:
		set(object, reallocarray(NULL, 1, size), size, PLAIN);
		break;
	default:
		set(object, malloc(size), size, PLAIN);
		EXPECT(is_aligned(object->bytes, 16));
	}
}

static void resize(struct object *object)
{
	size_t size = pick_size() + 1, kept = size < object->size ? size : object->size;
	unsigned char *bytes = pick(2) ? realloc(object->bytes, size)
				       : reallocarray(object->bytes, size, 1);

	EXPECT(bytes && is_aligned(bytes, 16));
	check(object, bytes, kept);
	set(object, bytes, size, PLAIN);
}

static void destroy(struct object *object)
{
	errno = E2BIG;
	switch (pick(3)) {
	case 0:
		if (object->alignment == PLAIN)
			sized(object->bytes, object->size);
		else if (object->alignment != UNSIZED)
			aligned_sized(object->bytes, object->alignment, object->size);
		else
			free(object->bytes);
		break;
	case 1:
		EXPECT(!realloc(object->bytes, 0));
		break;
	default:
		free(object->bytes);
	}
	EXPECT(errno == E2BIG);
	object->bytes = NULL;
}

static void refuse(struct object *object)
{
	size_t huge = MAX + 1 + pick(MAX);

	errno = 0;
	EXPECT(!opaque(realloc(object->bytes, huge)) && errno == ENOMEM);
	errno = 0;
	EXPECT(!opaque(reallocarray(object->bytes, huge, 2 + pick(9))) && errno == ENOMEM);
	check(object, object->bytes, object->size);
}

static void operate(void)
{
	for (int i = 0; i < OPERATIONS; i++) {
		struct object *object = &objects[pick(OBJECTS)];

		if (!object->bytes) {
			create(object);
			continue;
		}
		check(object, object->bytes, object->size);
		if (pick(3))
			destroy(object);
		else if (pick(10))
			resize(object);
		else
			refuse(object);
		if (!pick(5000))
			malloc_trim(pick(1 << 20));
	}
	for (int i = 0; i < OBJECTS; i++)
		free(objects[i].bytes);
}

static void free_whatever(void *object, size_t size)
{
	(void)size;
	free(object);
}

static void free_whatever_aligned(void *object, size_t alignment, size_t size)
{
	(void)alignment;
	(void)size;
	free(object);
}

int main(int argc, char **argv)
{
	struct mallinfo2 before;
	void *large[2], *cached;
	/* Functions of C23, which glibc has since 2.42. */
	sized = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
	aligned_sized = (void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
	if (!sized || !aligned_sized) {
		sized = free_whatever;
		aligned_sized = free_whatever_aligned;
	}
	seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	state = seed | 1;
	if (argc > 2) {
		for (int i = 0; i < 100; i++)
			set(&objects[i], malloc(100000), 100000, PLAIN);
		large[0] = malloc(5 << 20);
		large[1] = malloc(3 << 20);
		/* The shim fills no objects, which the return values say. */
		EXPECT(mallopt(M_PERTURB, 1) == 0 && mallopt(M_PERTURB, 0) == 1);
		EXPECT(mallinfo2().hblks == 2 && mallinfo2().hblkhd >= 8 << 20);
		free(large[0]);
		EXPECT(mallinfo2().hblks == 1 && mallinfo2().hblkhd >= 3 << 20);
		free(large[1]);
		EXPECT(mallinfo2().hblks == 0 && mallinfo2().hblkhd == 0);
		/* An object that a thread's cache holds is free like one in a fast bin. */
		free(malloc(30000));
		before = mallinfo2();
		cached = malloc(30000);
		EXPECT(mallinfo2().smblks == before.smblks - 1);
		EXPECT(mallinfo2().fsmblks <= before.fsmblks - 30000);
		free(cached);
		EXPECT(mallinfo2().smblks == before.smblks);
		EXPECT(mallinfo2().fsmblks <= mallinfo2().fordblks);
		EXPECT(!malloc_info(0, stdout));
		malloc_stats();
		return 0;
	}
	edges();
	for (size_t size = 2000; size < 4 << 20; size *= 11)
		figures(size);
	operate();
	tuning();
	return 0;
}

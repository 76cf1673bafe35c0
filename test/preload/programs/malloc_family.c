// SPDX-License-Identifier: MIT
/*
 * Protects callers of the malloc family: each function does what POSIX, C and glibc's manual say
 * about alignment, errno, overflow and size zero (Faults B26, B29, B37).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../lib/check.h"

static const size_t sizes[] = { 1,    15,    16,     17,      100,     1000,	4095,	 4096,
				4097, 30000, 131072, 1 << 20, 2097152, 2097153, 5 << 20, 33 << 20 };

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static size_t huge(int which)
{
	static volatile size_t values[] = { SIZE_MAX, SIZE_MAX - 4096, (size_t)PTRDIFF_MAX + 1 };

	return values[which];
}

static int is_aligned(const void *pointer, size_t alignment)
{
	return pointer && !((uintptr_t)pointer & (alignment - 1));
}

static int is_filled(const char *object, int byte, size_t size)
{
	return object[0] == byte && !memcmp(object, object + 1, size - 1);
}

static void plain(void)
{
	char *first = malloc(0), *second = malloc(0), *third = calloc(0, 7);

	CHECK(first && second && third && first != second && second != third);
	free(first);
	free(second);
	free(third);
	free(NULL);
	CHECK(malloc_usable_size(NULL) == 0);

	for (size_t i = 0; i < SIZES; i++) {
		char *object;

		errno = E2BIG;
		object = malloc(sizes[i]);
		CHECK(errno == E2BIG);
		CHECK(is_aligned(object, sizes[i] < 16 ? 8 : 16));
		CHECK(malloc_usable_size(object) >= sizes[i]);
		memset(object, 0xaa, malloc_usable_size(object));
		free(object);
		CHECK(errno == E2BIG);

		object = calloc(sizes[i], 1);
		CHECK(object && is_filled(object, 0, sizes[i]));
		free(object);
	}
}

static void too_much(void)
{
	for (int i = 0; i < 3; i++) {
		char *object = malloc(100);
		void *result = object;

		memset(object, 7, 100);
		CHECK_REFUSED(malloc(huge(i)), ENOMEM);
		CHECK_REFUSED(calloc(1, huge(i)), ENOMEM);
		CHECK_REFUSED(realloc(object, huge(i)), ENOMEM);
		CHECK_REFUSED(memalign(64, huge(i)), ENOMEM);
		CHECK_REFUSED(aligned_alloc(4096, huge(i)), ENOMEM);
		CHECK_REFUSED(valloc(huge(i)), ENOMEM);
		CHECK_REFUSED(pvalloc(huge(i)), ENOMEM);
		CHECK(posix_memalign(&result, 64, huge(i)) == ENOMEM);
		CHECK(result == object);
		CHECK(is_filled(object, 7, 100));
		free(object);
	}
}

static void overflow(void)
{
	volatile size_t half = SIZE_MAX / 2 + 1, root = (size_t)1 << 32;
	char *object = malloc(100);

	memset(object, 7, 100);
	CHECK_REFUSED(calloc(half, 2), ENOMEM);
	CHECK_REFUSED(calloc(root, root), ENOMEM);
	CHECK_REFUSED(calloc(root + 1, root), ENOMEM);
	CHECK_REFUSED(reallocarray(NULL, half, 2), ENOMEM);
	CHECK_REFUSED(reallocarray(object, root + 1, root), ENOMEM);
	CHECK(is_filled(object, 7, 100));
	object = reallocarray(object, 100, 3000);
	CHECK(object && is_filled(object, 7, 100));
	free(object);
}

static void resizing(void)
{
	char *object = realloc(NULL, 10);
	size_t kept = 10;

	CHECK(object);
	memset(object, 9, kept);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < SIZES; i++) {
			size_t size = sizes[round ? SIZES - 1 - i : i];

			object = realloc(object, size);
			CHECK(is_aligned(object, size < 16 ? 8 : 16));
			kept = size < kept ? size : kept;
			CHECK(is_filled(object, 9, kept));
			CHECK(malloc_usable_size(object) >= size);
			memset(object, 9, size);
			kept = size;
		}
	}
	CHECK(realloc(opaque(object), 0) == NULL);
}

static void alignment(void)
{
	char *blocks[64];
	int count = 0;

	for (size_t align = 8; align <= 64 << 20; align *= 2) {
		for (size_t size = 1; size < 20000; size = size * 5 + 3) {
			void *posix = NULL;
			char *c11 = aligned_alloc(align, size), *old = memalign(align, size);

			CHECK(posix_memalign(&posix, align, size) == 0);
			CHECK(is_aligned(posix, align) && is_aligned(c11, align) &&
			      is_aligned(old, align));
			CHECK(malloc_usable_size(c11) >= size);
			memset(c11, 1, size);
			memset(old, 2, size);
			memset(posix, 3, size);
			CHECK(c11[size - 1] == 1 && old[0] == 2);
			/* A resized block keeps its content, not its alignment. */
			c11 = realloc(c11, size + 5000);
			CHECK(c11 && c11[0] == 1 && c11[size - 1] == 1);
			free(c11);
			free(old);
			free(posix);
		}
	}
	for (count = 0; count < 64; count++)
		CHECK(is_aligned(blocks[count] = memalign(1 << 16, 1000), 1 << 16));
	while (count--)
		free(blocks[count]);
}

static void wrong_alignment(void)
{
	void *result = &result, *block;
	static volatile size_t odd[] = { 0, 1, 4, 3, 12, 24, 4095 };

	errno = E2BIG;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		CHECK(posix_memalign(&result, odd[i], 10) == EINVAL);
	CHECK(result == &result && errno == E2BIG);
	/* glibc rounds such an alignment up. */
	block = memalign(odd[5], 100);
	CHECK(is_aligned(block, 32));
	free(block);
	errno = 0;
	CHECK(memalign(huge(2), 1) == NULL);
	CHECK(errno == EINVAL || errno == ENOMEM);
	CHECK_REFUSED(memalign(huge(0), 1), EINVAL);
}

static void pages(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *one = valloc(1), *whole = pvalloc(page + 1), *none = pvalloc(0);

	CHECK(is_aligned(one, page) && is_aligned(whole, page) && is_aligned(none, page));
	CHECK(malloc_usable_size(whole) >= 2 * page);
	memset(whole, 5, 2 * page);
	free(one);
	free(whole);
	free(none);
}

static void *reusable_is_zeroed(size_t size)
{
	char *object = malloc(size);

	memset(object, 0xff, size);
	free(object);
	object = calloc(1, size);
	CHECK(object && is_filled(object, 0, size));
	return object;
}

static void figures(void)
{
	struct mallinfo2 (*info2)(void) =
		(struct mallinfo2(*)(void))dlsym(RTLD_DEFAULT, "mallinfo2");
	void *objects[20];
	char *text;
	size_t length, before = 0;
	FILE *stream = open_memstream(&text, &length);

	if (info2)
		before = info2().uordblks + info2().hblkhd;
	for (int i = 0; i < 20; i++)
		objects[i] = malloc(1000000);
	if (info2)
		CHECK(info2().uordblks + info2().hblkhd >= before + 20000000);
	for (int i = 0; i < 20; i++)
		free(objects[i]);
	malloc_trim(0);
	if (info2)
		CHECK(info2().uordblks + info2().hblkhd < before + 20000000);
	CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
	CHECK(malloc_info(0, stream) == 0 && !fclose(stream));
	CHECK(length > 10 && !strncmp(text, "<malloc ", 8));
	CHECK(malloc_info(1, stdout) == EINVAL || malloc_info(1, stdout) == -1);
	free(text);
}

/* Tries the sized frees of C23, which glibc exports since 2.42, and the shim always. */
static void sized(void)
{
	void (*plain)(void *, size_t) = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
	void (*aligned)(void *, size_t, size_t) =
		(void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");

	if (!plain || !aligned)
		return;
	plain(malloc(1234), 1234);
	plain(malloc(3 << 20), 3 << 20);
	plain(NULL, 10);
	aligned(aligned_alloc(256, 512), 256, 512);
	aligned(NULL, 16, 16);
}

int main(void)
{
	plain();
	too_much();
	overflow();
	resizing();
	alignment();
	wrong_alignment();
	pages();
	for (size_t i = 3; i < SIZES; i++)
		free(reusable_is_zeroed(sizes[i]));
	figures();
	sized();
	return 0;
}

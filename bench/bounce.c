// SPDX-License-Identifier: MIT
/*
 * How much does a device's library save if it need not copy a buffer? For buffers of 64 bytes to 1
 * MiB, compares three costs: copying the buffer into a bounce buffer; translating its address; and
 * all that a driver does instead of copying, which is to retain and translate the buffer. Prints
 * nanoseconds of CPU time for each size.
 *
 * usage: bounce [PERCENT]     PINNED_CONF selects the backend
 */
#include <pinned.h>

#include "clock.h"
#include "suite/workload.h"

#define SIZE_MAX_ ((size_t)1 << 20)
#define BUFFERS_MAX 64
#define BYTES_MAX ((size_t)16 << 20) /* total of all buffers of one size */

static char *bounce_buffer;

static void copy(const char *buffer, size_t size)
{
	memcpy(bounce_buffer, buffer, size);
	__asm__ volatile("" : : : "memory");
}

/* An object of at most a chunk is physically contiguous, so one translation is enough. */
static void translate(const char *buffer, size_t size)
{
	uint64_t phys = pinned_v2p(buffer);

	(void)size;
	__asm__ volatile("" : : "r"(phys));
}

/* On a backend without physical addresses, the look-up does the same work but finds no address. */
static void reach(const char *buffer, size_t size)
{
	struct pinned_extent extents[2];
	long count;

	pinned_retain(buffer);
	count = pinned_v2p_sg(buffer, size, extents, 2);
	__asm__ volatile("" : : "r"(count) : "memory");
	pinned_release(buffer);
}

static double time_all(void (*body)(const char *, size_t), char **buffers, size_t count,
		       size_t size, size_t rounds)
{
	struct moment begin = now();

	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++)
			body(buffers[i], size);
	return since(begin, rounds * count).cpu;
}

static void report(size_t size, size_t percent)
{
	char *buffers[BUFFERS_MAX];
	size_t count = BYTES_MAX / size < BUFFERS_MAX ? BYTES_MAX / size : BUFFERS_MAX;
	size_t copies = ((size_t)40 << 20) / size / count * percent / 100 + 1;
	size_t translations = 20000 * percent / 100 + 1;
	double copied, translated, reached;

	for (size_t i = 0; i < count; i++)
		buffers[i] = memset(checked(pinned_malloc(size)), 1, size);
	copies = copies < translations ? copies : translations;
	copied = time_all(copy, buffers, count, size, copies);
	translated = time_all(translate, buffers, count, size, translations);
	reached = time_all(reach, buffers, count, size, translations);
	printf("%zu %.3f %.3f %.3f\n", size, copied, translated, reached);
	for (size_t i = 0; i < count; i++)
		pinned_free(buffers[i]);
}

int main(int argc, char **argv)
{
	size_t percent = amount(argc, argv, 100);

	bounce_buffer = memset(checked(pinned_malloc(SIZE_MAX_)), 0, SIZE_MAX_);
	printf("backend %s\n", pinned_backend());
	for (size_t size = 64; size <= SIZE_MAX_; size *= 4)
		report(size, percent);
	pinned_free(bounce_buffer);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * How much does a translation cost? Compares pinned_v2p() with alternatives: a two-level table and
 * a radix tree over the same chunks, /proc/self/pagemap with its descriptor kept open, and DPDK's
 * rte_mem_virt2iova() if it is installed. Addresses are random in one range, and each depends on
 * the previous result.
 *
 * The range may be larger than memory: with the anon backend, all of its chunks map the kernel's
 * zero page, and pinned_v2p() returns PINNED_NO_PHYS. Prints nanoseconds of CPU time for each
 * alternative, without the time of the loop itself.
 *
 * usage: v2p MEBIBYTES [PERCENT]     PINNED_CONF selects the backend
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <glob.h>
#include <pinned.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "suite/workload.h"

#define CHUNK_SHIFT 21
#define LEVEL_BITS 9 /* as page tables have */
#define LEVEL_SIZE ((size_t)1 << LEVEL_BITS)
#define LEVELS 3 /* of the radix tree, the last one's entries are chunks: 48 bits of address */

typedef uint64_t translation(const char *ptr);

/* Contain made-up addresses, because only the look-up is measured. */
static uint64_t *directory[LEVEL_SIZE * LEVEL_SIZE];
static void *root[LEVEL_SIZE];
static int pagemap_fd;
static uint64_t page_size;
static uint64_t (*rte_mem_virt2iova)(const void *ptr);

static uint64_t __attribute__((noinline)) by_nothing(const char *ptr)
{
	return (uintptr_t)ptr;
}

static uint64_t by_pinned(const char *ptr)
{
	return pinned_v2p(ptr);
}

static size_t level_index(const char *ptr, unsigned int level)
{
	return (uintptr_t)ptr >> (CHUNK_SHIFT + level * LEVEL_BITS) & (LEVEL_SIZE - 1);
}

/* Looks @ptr up in a directory with one entry per GiB, and a table with one entry per chunk. */
static uint64_t __attribute__((noinline)) by_two_levels(const char *ptr)
{
	const uint64_t *table = directory[(uintptr_t)ptr >> (CHUNK_SHIFT + LEVEL_BITS) &
					  (LEVEL_SIZE * LEVEL_SIZE - 1)];

	if (!table)
		return PINNED_NO_PHYS;
	return table[level_index(ptr, 0)] + ((uintptr_t)ptr & (PINNED_CHUNK_SIZE - 1));
}

static uint64_t __attribute__((noinline)) by_radix(const char *ptr)
{
	void *const *table = root;

	for (unsigned int level = LEVELS - 1; level; level--) {
		table = table[level_index(ptr, level)];
		if (!table)
			return PINNED_NO_PHYS;
	}
	return (uint64_t)(uintptr_t)table[level_index(ptr, 0)] +
	       ((uintptr_t)ptr & (PINNED_CHUNK_SIZE - 1));
}

static uint64_t by_pagemap(const char *ptr)
{
	uint64_t word = 0;

	if (pread(pagemap_fd, &word, sizeof(word),
		  (off_t)((uintptr_t)ptr / page_size * sizeof(word))) != sizeof(word))
		return PINNED_NO_PHYS;
	return (word & ((UINT64_C(1) << 55) - 1)) * page_size + (uintptr_t)ptr % page_size;
}

static uint64_t by_dpdk(const char *ptr)
{
	return rte_mem_virt2iova(ptr);
}

static void fill_tables(const char *buffer, size_t size)
{
	for (size_t at = 0; at < size; at += PINNED_CHUNK_SIZE) {
		const char *ptr = buffer + at;
		uint64_t **slot = &directory[(uintptr_t)ptr >> (CHUNK_SHIFT + LEVEL_BITS) &
					     (LEVEL_SIZE * LEVEL_SIZE - 1)];
		void **table = root;

		if (!*slot)
			*slot = checked(calloc(LEVEL_SIZE, sizeof(**slot)));
		(*slot)[level_index(ptr, 0)] = at;
		for (unsigned int level = LEVELS - 1; level; level--) {
			void **next = &table[level_index(ptr, level)];

			if (!*next)
				*next = checked(calloc(LEVEL_SIZE, sizeof(*next)));
			table = *next;
		}
		table[level_index(ptr, 0)] = (void *)(uintptr_t)at;
	}
}

/* Makes every chunk present without using memory. */
static void populate(char *buffer, size_t size)
{
	madvise(buffer, size, MADV_HUGEPAGE);
	for (size_t at = 0; at < size; at += PINNED_CHUNK_SIZE)
		(void)*(volatile char *)(buffer + at);
}

static int find_dpdk(void)
{
	glob_t found;
	void *library;

	if (glob("/usr/lib/*/librte_eal.so.*", 0, NULL, &found))
		return 0;
	library = dlopen(found.gl_pathv[0], RTLD_NOW);
	globfree(&found);
	if (library)
		*(void **)&rte_mem_virt2iova = dlsym(library, "rte_mem_virt2iova");
	return rte_mem_virt2iova != NULL;
}

/* Addresses are the top bits of a multiplicative generator, whose state depends on each result. */
static double chase(translation *translate, const char *buffer, size_t size, size_t count)
{
	unsigned int shift = 64 - (unsigned int)__builtin_ctzll(size);
	uint64_t state = 1;
	struct moment begin = now();

	for (size_t i = 0; i < count; i++) {
		uint64_t answer = translate(buffer + (state >> shift));

		state = state * UINT64_C(6364136223846793005) + 1442695040888963407 + (answer & 2);
	}
	__asm__ volatile("" : : "r"(state));
	return since(begin, count).cpu;
}

static void report(const char *name, translation *translate, const char *buffer, size_t size,
		   size_t count)
{
	double loop, all;

	chase(by_nothing, buffer, size, count / 10 + 1);
	loop = chase(by_nothing, buffer, size, count);
	chase(translate, buffer, size, count / 10 + 1);
	all = chase(translate, buffer, size, count);
	printf("%s %.3f\n", name, all > loop ? all - loop : 0);
}

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) << 20 : 0, count;
	char *buffer;

	if (!size || size & (size - 1)) {
		fprintf(stderr, "usage: v2p MEBIBYTES [PERCENT], a power of two\n");
		return 2;
	}
	count = amount(argc - 1, argv + 1, 4000000);
	buffer = checked(pinned_malloc(size));
	page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	pagemap_fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	populate(buffer, size);
	fill_tables(buffer, size);
	printf("backend %s\n", pinned_backend());
	report("pinned", by_pinned, buffer, size, count);
	report("two-level", by_two_levels, buffer, size, count);
	report("radix", by_radix, buffer, size, count);
	if (pagemap_fd >= 0)
		report("pagemap", by_pagemap, buffer, size, count / 100 + 1);
	if (find_dpdk())
		report("dpdk", by_dpdk, buffer, size, count / 200 + 1);
	pinned_free(buffer);
	return 0;
}

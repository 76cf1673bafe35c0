// SPDX-License-Identifier: MIT
/*
 * What does a translation cost? pinned_v2p() and /proc/self/pagemap (descriptor
 * kept open) over the same buffer, in the same random order, each address
 * depending on the answer before. Prints nanoseconds of each.
 *
 * usage: v2p MEBIBYTES ITERATIONS
 */
#include <fcntl.h>
#include <pinned.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The next offset: a step of a full-period generator, made dependent on the last answer. */
static size_t next_offset(size_t offset, uint64_t answer, size_t size)
{
	return (offset * 5 + 4097 + (answer >> 63)) & (size - 1);
}

static double time_v2p(const char *buffer, size_t size, size_t iterations)
{
	size_t offset = 0;
	double begin = now_ns();

	for (size_t i = 0; i < iterations; i++)
		offset = next_offset(offset, pinned_v2p(buffer + offset) >> 1, size);
	__asm__ volatile("" : : "r"(offset));
	return (now_ns() - begin) / (double)iterations;
}

static uint64_t pagemap(int fd, const char *ptr, uint64_t page)
{
	uint64_t word = 0;

	if (pread(fd, &word, sizeof(word), (off_t)((uintptr_t)ptr / page * sizeof(word))) !=
	    sizeof(word))
		return 0;
	return (word & ((UINT64_C(1) << 55) - 1)) * page + (uintptr_t)ptr % page;
}

static double time_pagemap(const char *buffer, size_t size, size_t iterations)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/pagemap", O_RDONLY);
	size_t offset = 0;
	double begin;

	if (fd < 0) {
		perror("/proc/self/pagemap");
		exit(1);
	}
	begin = now_ns();
	for (size_t i = 0; i < iterations; i++)
		offset = next_offset(offset, pagemap(fd, buffer + offset, page), size);
	__asm__ volatile("" : : "r"(offset));
	begin = (now_ns() - begin) / (double)iterations;
	close(fd);
	return begin;
}

int main(int argc, char **argv)
{
	size_t size, iterations;
	char *buffer;

	if (argc != 3) {
		fprintf(stderr, "usage: v2p MEBIBYTES ITERATIONS\n");
		return 2;
	}
	size = strtoul(argv[1], NULL, 10) << 20;
	iterations = strtoul(argv[2], NULL, 10);
	buffer = pinned_malloc(size);
	if (!buffer || size & (size - 1)) {
		fprintf(stderr, "v2p: no memory, or not a power of two\n");
		return 1;
	}
	memset(buffer, 1, size);
	time_v2p(buffer, size, iterations / 10);
	printf("backend %s v2p %.2f pagemap %.2f\n", pinned_backend(),
	       time_v2p(buffer, size, iterations), time_pagemap(buffer, size, iterations / 100));
	pinned_free(buffer);
	return 0;
}

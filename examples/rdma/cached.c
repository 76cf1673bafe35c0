// SPDX-License-Identifier: MIT
/*
 * Writes by RDMA from buffers that do not live long, through a library that registers buffers and
 * keeps the registrations in a cache. Each round allocates a buffer, writes from it twice, frees
 * it, and gives the memory back. Most likely the next buffer has the same address; if the cache has
 * not heard that the memory has gone, the card reads pages that belong to somebody else.
 *
 * usage: cached_ucx ADDRESS ROUNDS BYTES, cached_fabric ADDRESS ROUNDS BYTES
 * Prints "rounds=N new=N writes=N registrations=N wrong=N": in how many rounds the memory was new,
 * how many buffers were registered, and how many writes brought wrong data. The exit status is 0 if
 * all data was right.
 */
#define _GNU_SOURCE
#include "cached.h"

#include <dlfcn.h>
#include <errno.h>
#include <infiniband/verbs.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef ibv_reg_mr

static const char *counted;
static size_t registrations;

void cached_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* The count. The libraries call these two functions in place of libibverbs' own. */

static void count(const char *addr, size_t length)
{
	if (counted && addr <= counted && counted < addr + length)
		registrations++;
}

struct ibv_mr *ibv_reg_mr(struct ibv_pd *domain, void *addr, size_t length, int access)
{
	struct ibv_mr *(*next)(struct ibv_pd *, void *, size_t, int);

	*(void **)&next = dlsym(RTLD_NEXT, "ibv_reg_mr");
	count(addr, length);
	return next(domain, addr, length, access);
}

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *domain, void *addr, size_t length, uint64_t iova,
				unsigned int access)
{
	struct ibv_mr *(*next)(struct ibv_pd *, void *, size_t, uint64_t, unsigned int);

	*(void **)&next = dlsym(RTLD_NEXT, "ibv_reg_mr_iova2");
	count(addr, length);
	return next(domain, addr, length, iova, access);
}

/* The rounds. */

static char byte_of(unsigned int write, size_t i)
{
	return (char)(i * 31 + i / 251 + write * 7 + 1);
}

static int is_write_right(char *buffer, const char *target, size_t size, unsigned int write)
{
	for (size_t i = 0; i < size; i++)
		buffer[i] = byte_of(write, i);
	cached_write(buffer, size);
	return !memcmp(buffer, target, size);
}

int main(int argc, char **argv)
{
	unsigned int rounds, new = 0, wrong = 0;
	size_t size;
	char *target;

	if (argc != 4)
		cached_die("usage: %s ADDRESS ROUNDS BYTES", argv[0]);
	rounds = (unsigned int)strtoul(argv[2], NULL, 0);
	size = strtoul(argv[3], NULL, 0);
	target = calloc(1, size);
	if (!size || !target)
		cached_die("no memory for %zu bytes", size);
	cached_begin(argv[1], target, size);
	for (unsigned int i = 0; i < rounds; i++) {
		char *buffer = malloc(size);

		if (!buffer)
			cached_die("no memory for %zu bytes", size);
		counted = buffer + size / 2;
		/* Memory that was given back reads as zeros; the last round left other bytes. */
		new += !buffer[0] && !buffer[size / 2] && !buffer[size - 1];
		wrong += !is_write_right(buffer, target, size, 2 * i);
		wrong += !is_write_right(buffer, target, size, 2 * i + 1);
		free(buffer);
		malloc_trim(0);
	}
	counted = NULL;
	printf("rounds=%u new=%u writes=%u registrations=%zu wrong=%u\n", rounds, new, 2 * rounds,
	       registrations, wrong);
	cached_end();
	return wrong != 0;
}

#!/bin/bash
# SPDX-License-Identifier: MIT
# Promise: a program that calls USDM's names compiles against qae_mem.h and runs on libusdm_pinned
# without a change, and so does one that was linked to a USDM of the same names, when the library is
# preloaded. Memory is aligned, contiguous, zeroed when freed, and gone after qaeMemDestroy(); wrong
# arguments are refused; a child frees what it inherited. On the device, addresses are those that
# the page tables contain.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need "$cc"
backend=${TEST_BACKEND:-anon}

cat >program.c <<'PROGRAM'
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qae_mem.h"

static int has_phys;

static uint64_t page_tables_say(const char *ptr)
{
	uint64_t entry = 0, page = getpagesize();
	int fd = open("/proc/self/pagemap", O_RDONLY);

	assert(pread(fd, &entry, 8, (uintptr_t)ptr / page * 8) == 8);
	close(fd);
	return (entry & (((uint64_t)1 << 55) - 1)) * page + (uintptr_t)ptr % page;
}

static void check_addresses(char *object, size_t size, size_t alignment)
{
	uint64_t first = qaeVirtToPhysNUMA(object);

	assert((uintptr_t)object % alignment == 0);
	memset(object, 0x5a, size);
	if (!has_phys) {
		assert(first == 0 && !qaePhysToVirtNUMA(0x1000));
		return;
	}
	assert(first && first % alignment == 0);
	for (size_t at = 0; at < size; at += 1000) {
		assert(qaeVirtToPhysNUMA(object + at) == first + at);
		assert(page_tables_say(object + at) == first + at);
	}
	assert(qaePhysToVirtNUMA(first + size - 1) == object + size - 1);
}

static void allocate(int node)
{
	static const size_t sizes[] = { 1, 64, 4096, 100000, 2 << 20, 4 << 20 };

	for (size_t i = 0; i < 6; i++) {
		for (size_t alignment = 1; alignment <= 2 << 20; alignment *= 8) {
			void *object = qaeMemAllocNUMA(sizes[i], node, alignment);

			if (sizes[i] > 2 << 20 && !has_phys) {
				assert(!object && errno == EOPNOTSUPP);
				continue;
			}
			assert(object);
			check_addresses(object, sizes[i], alignment);
			if (alignment % 64)
				qaeMemFreeNUMA(&object);
			else
				qaeMemFreeNonZeroNUMA(&object);
			assert(!object);
		}
	}
}

static void refuse(void)
{
	void *none = NULL;
	char stack = 0;

	assert(!qaeMemAllocNUMA(0, NUMA_ANY_NODE, 64) && errno == EINVAL);
	assert(!qaeMemAllocNUMA(100, NUMA_ANY_NODE, 0) && errno == EINVAL);
	assert(!qaeMemAllocNUMA(100, NUMA_ANY_NODE, 24) && errno == EINVAL);
	assert(!qaeMemAllocNUMA(100, NUMA_ANY_NODE, 4 << 20) && errno == EINVAL);
	assert(!qaeMemAllocNUMA(100, 64, 64) && errno == EINVAL);
	assert(!qaeMemAllocNUMA(SIZE_MAX - 1, NUMA_ANY_NODE, 64));
	assert(!qaeVirtToPhysNUMA(&stack) && !qaeVirtToPhysNUMA(NULL));
	qaeMemFreeNUMA(NULL);
	qaeMemFreeNUMA(&none);
	qaeMemFreeNonZeroNUMA(&none);
	qaeMemFree(&none);
	assert(qaeRegisterDevice(-1) == -1 && errno == EBADF);
	assert(qaeUnregisterDevice(7) == -1 && errno == EINVAL);
}

static void free_zeroes(void)
{
	unsigned char *object = qaeMemAllocNUMA(5000, NUMA_ANY_NODE, 64), *other;
	void *freed = object, *held = qaeMemAllocNUMA(5000, NUMA_ANY_NODE, 64);

	memset(object, 0xaa, 5000);
	qaeMemFreeNUMA(&freed);
	other = qaeMemAllocNUMA(5000, NUMA_ANY_NODE, 64);
	/* The allocator hands out the same memory again, whose content it does not touch. */
	for (size_t i = 0; other == object && i < 5000; i++)
		assert(!other[i]);
	freed = other;
	qaeMemFreeNUMA(&freed);
	qaeMemFreeNUMA(&held);
}

static void fork_a_child(void)
{
	void *object = qaeMemAllocNUMA(3000, NUMA_ANY_NODE, 64);
	int status;
	pid_t pid;

	memset(object, 7, 3000);
	pid = fork();
	if (!pid) {
		void *own;

		qaeAtFork();
		assert(((char *)object)[2999] == 7 && !qaeVirtToPhysNUMA(object));
		qaeMemFreeNUMA(&object);
		own = qaeMemAllocNUMA(3000, NUMA_ANY_NODE, 64);
		check_addresses(own, 3000, 64);
		qaeMemFreeNUMA(&own);
		_exit(0);
	}
	assert(waitpid(pid, &status, 0) == pid && status == 0);
	assert(((char *)object)[2999] == 7);
	check_addresses(object, 3000, 64);
	qaeMemFreeNUMA(&object);
}

static void *work(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		void *object = qaeMemAllocNUMA(1 + i % 3000, NUMA_ANY_NODE, 64);

		memset(object, i, 1 + i % 3000);
		qaeMemFreeNUMA(&object);
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[4];
	void *ordinary;

	has_phys = argc > 1 && !strcmp(argv[1], "device");
	/* The first allocations of several threads create the heap. */
	for (int i = 0; i < 4; i++)
		assert(!pthread_create(&threads[i], NULL, work, NULL));
	for (int i = 0; i < 4; i++)
		assert(!pthread_join(threads[i], NULL));
	assert(!qaeMemInit() && !qaeMemInit());
	ordinary = qaeMemAlloc(1000);
	assert(ordinary && !((char *)ordinary)[999]);
	qaeMemFree(&ordinary);
	assert(!ordinary);
	for (int round = 0; round < 2; round++) {
		allocate(NUMA_ANY_NODE);
		allocate(0);
		refuse();
		free_zeroes();
		fork_a_child();
		assert(qaeMemAllocNUMA(1000, NUMA_ANY_NODE, 64)); /* not freed, but by destroy */
		qaeMemDestroy();
	}
	puts("all as promised");
	return 0;
}
PROGRAM
export PINNED_CONF=backend:$backend
header=$PINNED_SOURCE/include/usdm library=$PINNED_BUILD/lib
"$cc" -std=gnu11 -O1 -Wall -Wextra -Werror -pthread -I"$header" -o program program.c "$library/libusdm_pinned.so.1" -Wl,-rpath-link,"$library"
LD_LIBRARY_PATH=$library ./program "$backend" >out || fail "linked to libusdm_pinned: status $?"
LD_LIBRARY_PATH=$library "${pinned[@]}" -- ./program "$backend" >>out || fail "under the shim: status $?"

# A library with USDM's name, whose functions all abort, stands for the one that the program has.
sed -n 's/^\t\(qae[A-Za-z]*\);/void \1(void); void \1(void) { __builtin_trap(); }/p' "$PINNED_SOURCE/src/usdm/libusdm_pinned.map" >usdm.c
"$cc" -shared -fPIC -Wl,-soname,libusdm.so.0 -o libusdm.so.0 usdm.c
"$cc" -std=gnu11 -O1 -pthread -I"$header" -o other program.c libusdm.so.0
LD_LIBRARY_PATH=.:$library LD_PRELOAD=$library/libusdm_pinned.so.1 ./other "$backend" >>out || fail "preloaded: status $?"
[ "$(grep -cx 'all as promised' out)" = 3 ] || fail "$(cat out)"

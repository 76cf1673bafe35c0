/* SPDX-License-Identifier: MIT */
/*
 * Shared by the driver's tests: checks that print what they expected, the
 * device's requests, mappings, and ways to inspect memory from outside.
 *
 * A test is one program that runs as root with the driver loaded. It exits with
 * 0; with 1 after a line on stderr that says which check failed; or with 77
 * after a line that says why the test cannot run here. A failed check ends the
 * process that made the check. Children made by spawn() die with their parent.
 * Some of the tests are in the package pinned-mem-tests, too, and run without
 * root beside other users of the driver; see selftests in test/check.mk.
 */
#ifndef GUEST_H
#define GUEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pinned_mem.h"

#if !__GLIBC_PREREQ(2, 32)
#define strerrorname_np(error) strerror(error)
#endif

#define CHUNK		((size_t)PINNED_MEM_CHUNK_SIZE)
#define PAGE		((size_t)getpagesize())
#define CHUNK_PAGES	(CHUNK / PAGE)
/* For arrays: what PAGE and CHUNK_PAGES are at most. */
#define PAGE_MAX	((size_t)65536)
#define CHUNK_PAGES_MAX	(CHUNK / 4096)
#define RW		(PROT_READ | PROT_WRITE)
#ifdef __x86_64__
#define IS_X86		true
#else
#define IS_X86		false
#endif
#define MODULE		"pinned_mem"
#define MODULE_FILE	"/modules/pinned_mem.ko"
#define LIMIT_FILE	"/sys/module/pinned_mem/parameters/limit_chunks"

/* Checks. Each evaluates its arguments once and ends the process if the check fails. */
#define FAIL(...)		test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition)	((condition) ? (void)0 : FAIL("expected: %s", #condition))
#define EQUAL(got, want) \
	test_equal(__FILE__, __LINE__, #got, (uint64_t)(got), (uint64_t)(want))
/* Checks that @call does not return -1. Return: the result of @call. */
#define WORKS(call)		test_works(__FILE__, __LINE__, #call, (long)(call))
/* Checks that @call returns -1 and sets errno to @error. */
#define REFUSED(call, error)	test_refused(__FILE__, __LINE__, #call, (long)(call), error)
/* FILLED checks that memory contains what fill() wrote with @seed, ZEROED that it is all zero. */
#define FILLED(at, length, seed) test_filled(__FILE__, __LINE__, #at, at, length, seed)
#define ZEROED(at, length)	test_zeroed(__FILE__, __LINE__, #at, at, length)
/* Checks that this pool, and all pools together, hold as many chunks as in @before. */
#define UNCHANGED(fd, before)	test_unchanged(__FILE__, __LINE__, fd, &(before))
/* Waits for the child @pid and checks that it exits with status 0; a child's skip is the test's. */
#define ENDED_WELL(pid)		test_ended(__FILE__, __LINE__, pid, false)
/* The same for a child that may also be killed: checks that no check failed in the child. */
#define ENDED_OR_KILLED(pid)	test_ended(__FILE__, __LINE__, pid, true)
/* Checks that within a few seconds all pools together hold exactly @chunks chunks. */
#define COMES_TO_USE(chunks)	test_comes_to_use(__FILE__, __LINE__, chunks)
/* Checks that within a few seconds all forked children together hold exactly @pages copies. */
#define COMES_TO_COPIES(pages)	test_comes_to_copies(__FILE__, __LINE__, pages)

void test_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));
void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Returns true if the driver behind @fd can map a chunk by one page-table entry. */
bool maps_huge(int fd);
/* Skips the test if the driver behind @fd cannot map a chunk by one page-table entry. */
void need_huge_mappings(int fd);
void test_equal(const char *file, int line, const char *what, uint64_t got, uint64_t want);
long test_works(const char *file, int line, const char *what, long result);
void test_refused(const char *file, int line, const char *what, long result, int error);
void test_filled(const char *file, int line, const char *what, const void *at, size_t length,
		 uint64_t seed);
void test_zeroed(const char *file, int line, const char *what, const void *at, size_t length);
void test_unchanged(const char *file, int line, int fd, const struct pinned_mem_info *before);
void test_ended(const char *file, int line, pid_t pid, bool may_be_killed);
void test_comes_to_use(const char *file, int line, unsigned long chunks);
void test_comes_to_copies(const char *file, int line, unsigned long pages);

/* The device. Requests return what ioctl() returns; slots are numbered from 0. */
int open_pool(void);
struct pinned_mem_info info_of(int fd);
struct pinned_mem_populate populate_request(unsigned long slot, unsigned int count);
struct pinned_mem_punch punch_request(unsigned long slot, unsigned int count);
int populate(int fd, unsigned long slot, unsigned int count, uint64_t *phys);
int punch(int fd, unsigned long slot, unsigned int count);
int query(int fd, uint64_t offset, struct pinned_mem_query *found);

/* Returns how many of this process's open pools have the memory type @type, by fdinfo's names. */
int pools_of_type(const char *type);

/* Chunks that all pools hold together; pages of copies that all forked children hold together. */
unsigned long used_chunks(void);
unsigned long snapshot_pages(void);

/*
 * Returns the address of @length unmapped bytes that begin @phase bytes after a chunk boundary,
 * with a gap on both sides. Nothing keeps other mappings out of that place.
 */
char *find_addresses(size_t length, size_t phase);
/* Map slots for reading and writing: aligned like the pool, or @phase bytes off that alignment. */
char *map_slots(int fd, unsigned long slot, unsigned long count);
char *map_slots_off(int fd, unsigned long slot, unsigned long count, size_t phase);
/* Maps the same slots at @at again, so that entries which fork() split become huge again. */
void map_again(int fd, char *at, unsigned long slot, unsigned long count);

/*
 * Physical addresses according to the page tables; 0 where nothing is mapped. Skip the test if the
 * kernel tells none to this process.
 */
uint64_t phys_of(const void *at);
void phys_of_pages(const void *at, uint64_t *phys, size_t pages);
/* Returns the field @field of smaps, in KiB, for the mapping that contains @at. */
unsigned long smaps_kib(const void *at, const char *field);
/* Returns the same field summed over all mappings that overlap the @size bytes at @at. */
unsigned long smaps_kib_of(const void *at, size_t size, const char *field);

/* Access one byte. Return: the signal that the access raised, or 0. Safe in threads. */
int signal_of_read(const void *at);
int signal_of_write(void *at);

void fill(void *at, size_t length, uint64_t seed);
/* Writes to the first byte of each page, so that every page is mapped. */
void touch_pages(void *at, size_t length);

/* Checks that the kernel can take a reference on @page (by vmsplice) and read it by a pipe. */
void kernel_pins(const void *page);

/* Forks a child that runs @run and then exits with 0. The child is killed if its parent dies. */
pid_t spawn(void (*run)(void *arg), void *arg);

/* Send a descriptor over a socket, and receive one. */
void send_descriptor(int to, int fd);
int receive_descriptor(int from);

/* A gate at which one process waits until another process lets it pass. */
struct gate {
	int fds[2];
};

struct gate make_gate(void);
void let_pass(struct gate *gate);
void wait_at(struct gate *gate);

/* Read a number from a kernel's file, write a text to one, and read a meminfo field in KiB. */
unsigned long read_number(const char *path);
int write_text(const char *path, const char *text);
unsigned long meminfo_kib(const char *field);
/*
 * Returns whether the driver charges pages to memory cgroups: before 5.11 the kernel cannot map a
 * page that is charged, so there the driver charges none.
 */
bool kernel_charges_pages(void);
/* Returns how many processes the OOM killer has killed since boot. */
unsigned long processes_killed(void);
/* Drops clean caches, then returns all free memory in KiB. */
unsigned long free_memory_kib(void);
/* Returns how many KiB a debug kernel's checkers may hold (freed objects, stack traces). */
unsigned long checkers_memory_kib(void);

/* Load and unload the driver, as insmod and rmmod do. Return: what the system call returns. */
int load_module(void);
int unload_module(void);
/* The same for another module, given by its file or by its name. */
int load_module_file(const char *path);
int unload_module_named(const char *name);

static inline uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Returns and prints the seed of a test with random operations: TEST_SEED, or @otherwise. */
static inline uint64_t seed_or(uint64_t otherwise)
{
	const char *wanted = getenv("TEST_SEED");
	uint64_t seed = wanted ? strtoull(wanted, NULL, 0) : otherwise;

	printf("TEST_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

/*
 * Keeps huge pages out of anonymous memory. A kernel without transparent huge pages refuses the
 * advice, and needs none.
 */
static inline void use_small_pages(void *at, size_t length)
{
	if (!access("/sys/kernel/mm/transparent_hugepage", F_OK))
		WORKS(madvise(at, length, MADV_NOHUGEPAGE));
}

/* Lets every user open the device, or, as after loading the driver, only its owner and group. */
static inline void let_everybody_open(bool is_allowed)
{
	WORKS(chmod(PINNED_MEM_DEVICE, is_allowed ? 0666 : 0660));
}

#endif

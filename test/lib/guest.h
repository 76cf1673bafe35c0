/* SPDX-License-Identifier: MIT */
/*
 * What the driver's tests share: checks that say what was expected, the
 * device's requests, mappings, and ways to look at memory from outside.
 *
 * A test is one program, run as root with the driver loaded. It exits with 0,
 * with 1 after a line on stderr that says what failed, or with 77 after one that
 * says why it cannot run. A failed check ends the process that made it; children
 * made by spawn() go with their parent.
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
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pinned_mem.h"

#define CHUNK		((size_t)PINNED_MEM_CHUNK_SIZE)
#define PAGE		((size_t)4096)
#define CHUNK_PAGES	(CHUNK / PAGE)
#define RW		(PROT_READ | PROT_WRITE)
#ifdef __x86_64__
#define IS_X86		true
#else
#define IS_X86		false
#endif
#define MODULE		"pinned_mem"
#define MODULE_FILE	"/modules/pinned_mem.ko"
#define LIMIT_FILE	"/sys/module/pinned_mem/parameters/limit_chunks"

/* Checks. Each evaluates its arguments once, and ends the process on failure. */
#define FAIL(...)		test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(condition)	((condition) ? (void)0 : FAIL("expected: %s", #condition))
#define EQUAL(got, want) \
	test_equal(__FILE__, __LINE__, #got, (uint64_t)(got), (uint64_t)(want))
/* A call that must not give -1; its result. */
#define WORKS(call)		test_works(__FILE__, __LINE__, #call, (long)(call))
/* A call that must give -1 and this errno. */
#define REFUSED(call, error)	test_refused(__FILE__, __LINE__, #call, (long)(call), error)
/* Memory that fill() filled with the same seed; memory of zeroes. */
#define FILLED(at, length, seed) test_filled(__FILE__, __LINE__, #at, at, length, seed)
#define ZEROED(at, length)	test_zeroed(__FILE__, __LINE__, #at, at, length)
/* The driver holds as many chunks as before, in this pool and in all. */
#define UNCHANGED(fd, before)	test_unchanged(__FILE__, __LINE__, fd, &(before))
/* The child ended by itself, with 0. */
#define ENDED_WELL(pid)		test_ended_well(__FILE__, __LINE__, pid)
/* All pools together come to hold this many chunks, soon. */
#define COMES_TO_USE(chunks)	test_comes_to_use(__FILE__, __LINE__, chunks)
/* All forked children together come to hold this many pages, soon. */
#define COMES_TO_COPIES(pages)	test_comes_to_copies(__FILE__, __LINE__, pages)

void test_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));
void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Skips the test where the driver of the pool @fd maps no chunk by one entry. */
void need_huge_mappings(int fd);
void test_equal(const char *file, int line, const char *what, uint64_t got, uint64_t want);
long test_works(const char *file, int line, const char *what, long result);
void test_refused(const char *file, int line, const char *what, long result, int error);
void test_filled(const char *file, int line, const char *what, const void *at, size_t length,
		 uint64_t seed);
void test_zeroed(const char *file, int line, const char *what, const void *at, size_t length);
void test_unchanged(const char *file, int line, int fd, const struct pinned_mem_info *before);
void test_ended_well(const char *file, int line, pid_t pid);
void test_comes_to_use(const char *file, int line, unsigned long chunks);
void test_comes_to_copies(const char *file, int line, unsigned long pages);

/* The device. The requests give what ioctl() gives; slots are numbered from 0. */
int open_pool(void);
struct pinned_mem_info info_of(int fd);
struct pinned_mem_populate populate_request(unsigned long slot, unsigned int count);
struct pinned_mem_punch punch_request(unsigned long slot, unsigned int count);
int populate(int fd, unsigned long slot, unsigned int count, uint64_t *phys);
int punch(int fd, unsigned long slot, unsigned int count);
int query(int fd, uint64_t offset, struct pinned_mem_query *found);

/* Of this process's pools, those of a memory type, as fdinfo names it. */
int pools_of_type(const char *type);

/* Chunks that all pools hold; pages that forked children hold. */
unsigned long used_chunks(void);
unsigned long snapshot_pages(void);

/* Unmapped addresses, @phase bytes past a chunk's boundary, with a gap around them. */
char *reserve(size_t length, size_t phase);
/* A read-write mapping of slots, congruent with the pool, or @phase bytes off. */
char *map_slots(int fd, unsigned long slot, unsigned long count);
char *map_slots_off(int fd, unsigned long slot, unsigned long count, size_t phase);
/* The same mapping anew, over itself: makes one that fork has split huge again. */
void map_again(int fd, char *at, unsigned long slot, unsigned long count);

/* Physical addresses as the page tables have them; 0 where nothing is mapped. */
uint64_t phys_of(const void *at);
void phys_of_pages(const void *at, uint64_t *phys, size_t pages);
/* A figure of the mapping that contains @at, in KiB, from smaps. */
unsigned long smaps_kib(const void *at, const char *field);
/* The sum over the mappings that hold these @size bytes. */
unsigned long smaps_kib_of(const void *at, size_t size, const char *field);

/* The signal that one access raises, or 0. Safe in threads. */
int signal_of_read(const void *at);
int signal_of_write(void *at);

void fill(void *at, size_t length, uint64_t seed);
/* Write to the first word of each page, so that all are mapped. */
void touch_pages(void *at, size_t length);

/* The kernel takes a reference on a page, for a pipe, and reads it through that. */
void kernel_pins(const void *page);

/* A child that runs @run and exits with 0, and that dies with its parent. */
pid_t spawn(void (*run)(void *arg), void *arg);

/* One process waits, another lets it pass. */
struct gate {
	int fds[2];
};

struct gate make_gate(void);
void let_pass(struct gate *gate);
void wait_at(struct gate *gate);

/* Files of the kernel: one number, or one line; and meminfo in KiB. */
unsigned long read_number(const char *path);
int write_text(const char *path, const char *text);
unsigned long meminfo_kib(const char *field);
/* Processes that were killed for want of memory, since boot. */
unsigned long processes_killed(void);
/* All free memory, in KiB, with clean caches dropped first. */
unsigned long free_memory_kib(void);
/* What a kernel with checkers may keep for these: freed objects, and stacks. */
unsigned long checkers_memory_kib(void);

/* As insmod and rmmod; they give what the system call gives. */
int load_module(void);
int unload_module(void);
/* Another one, by its file; by its name. */
int load_module_file(const char *path);
int unload_module_named(const char *name);

uint64_t now_ns(void);

#endif

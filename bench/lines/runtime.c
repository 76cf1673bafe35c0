// SPDX-License-Identifier: MIT
/*
 * Counts writes to cache lines. The library is compiled with -fsanitize=thread, so that the
 * compiler calls a function of this file at each access to memory; the program is not linked to
 * ThreadSanitizer. Each written line has an entry in a table: the threads that wrote to it, and how
 * often each place in the code did. lines_print() prints the entries of lines with several writers.
 *
 * The counts do not depend on how many processors there are, or on how threads take turns, as far
 * as the library's work does not. Reads, and memory that the C library writes, are not counted.
 */
#include "lines.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_SHIFT 6
#define LINES (1 << 20)
#define PLACES 12

/**
 * struct line - a cache line that was written
 * @address: its address shifted by LINE_SHIFT; 0 if the entry is free
 * @threads: a bit for each thread that wrote
 * @places: addresses of code that wrote, and how often
 */
struct line {
	uint64_t address;
	uint64_t threads;
	struct {
		uint64_t code;
		uint64_t count;
	} places[PLACES];
};

static struct line lines[LINES];
static uint64_t missed;
static _Thread_local int number = -1;

void lines_begin(int thread)
{
	number = thread;
}

void lines_end(void)
{
	number = -1;
}

/* Finds the entry of a key in a table of 64-bit keys that are @stride bytes apart, or takes one. */
static uint64_t *find(uint64_t *key, uint64_t wanted)
{
	uint64_t now = __atomic_load_n(key, __ATOMIC_RELAXED);

	if (!now && __atomic_compare_exchange_n(key, &now, wanted, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
		return key;
	return now == wanted ? key : NULL;
}

static struct line *find_line(uint64_t address)
{
	size_t at = address * UINT64_C(0x9e3779b97f4a7c15) >> 44;

	for (size_t i = 0; i < 256; i++, at = (at + 1) % LINES)
		if (find(&lines[at].address, address))
			return &lines[at];
	return NULL;
}

static void count_write(const volatile void *ptr, void *code)
{
	struct line *line;

	if (number < 0)
		return;
	line = find_line((uintptr_t)ptr >> LINE_SHIFT);
	if (!line) {
		__atomic_add_fetch(&missed, 1, __ATOMIC_RELAXED);
		return;
	}
	__atomic_or_fetch(&line->threads, (uint64_t)1 << number, __ATOMIC_RELAXED);
	for (size_t i = 0; i < PLACES; i++) {
		if (find(&line->places[i].code, (uintptr_t)code)) {
			__atomic_add_fetch(&line->places[i].count, 1, __ATOMIC_RELAXED);
			return;
		}
	}
	__atomic_add_fetch(&missed, 1, __ATOMIC_RELAXED);
}

/* Prints "CODE COUNT LINE WRITERS" for each place that wrote to a line with several writers. */
void lines_print(void)
{
	for (size_t at = 0; at < LINES; at++) {
		const struct line *line = &lines[at];
		int writers = __builtin_popcountll(line->threads);

		for (size_t i = 0; writers > 1 && i < PLACES && line->places[i].code; i++)
			printf("%#lx %lu %#lx %d\n", (unsigned long)line->places[i].code - 1,
			       (unsigned long)line->places[i].count,
			       (unsigned long)line->address << LINE_SHIFT, writers);
	}
	printf("missed %lu\n", (unsigned long)missed);
}

/* What the compiler calls. */

#define CALLER __builtin_return_address(0)

void __tsan_init(void)
{
}

void __tsan_func_entry(void *code)
{
	(void)code;
}

void __tsan_func_exit(void)
{
}

#define ACCESSES(size)                               \
	void __tsan_read##size(void *ptr)            \
	{                                            \
		(void)ptr;                           \
	}                                            \
	void __tsan_unaligned_read##size(void *ptr)  \
	{                                            \
		(void)ptr;                           \
	}                                            \
	void __tsan_volatile_read##size(void *ptr)   \
	{                                            \
		(void)ptr;                           \
	}                                            \
	void __tsan_write##size(void *ptr)           \
	{                                            \
		count_write(ptr, CALLER);            \
	}                                            \
	void __tsan_unaligned_write##size(void *ptr) \
	{                                            \
		count_write(ptr, CALLER);            \
	}                                            \
	void __tsan_volatile_write##size(void *ptr)  \
	{                                            \
		count_write(ptr, CALLER);            \
	}

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

void __tsan_read_range(void *ptr, size_t size)
{
	(void)ptr;
	(void)size;
}

void __tsan_write_range(void *ptr, size_t size)
{
	for (size_t at = 0; at < size; at += 1 << LINE_SHIFT)
		count_write((char *)ptr + at, CALLER);
}

/* All orders become the strongest one; only who writes matters here. */
#define FETCH(bits, type, name)                                                            \
	type __tsan_atomic##bits##_fetch_##name(volatile type *ptr, type value, int order) \
	{                                                                                  \
		(void)order;                                                               \
		count_write(ptr, CALLER);                                                  \
		return __atomic_fetch_##name(ptr, value, __ATOMIC_SEQ_CST);                \
	}

#define ATOMICS(bits, type)                                                                        \
	type __tsan_atomic##bits##_load(const volatile type *ptr, int order)                       \
	{                                                                                          \
		(void)order;                                                                       \
		return __atomic_load_n(ptr, __ATOMIC_SEQ_CST);                                     \
	}                                                                                          \
	void __tsan_atomic##bits##_store(volatile type *ptr, type value, int order)                \
	{                                                                                          \
		(void)order;                                                                       \
		count_write(ptr, CALLER);                                                          \
		__atomic_store_n(ptr, value, __ATOMIC_SEQ_CST);                                    \
	}                                                                                          \
	type __tsan_atomic##bits##_exchange(volatile type *ptr, type value, int order)             \
	{                                                                                          \
		(void)order;                                                                       \
		count_write(ptr, CALLER);                                                          \
		return __atomic_exchange_n(ptr, value, __ATOMIC_SEQ_CST);                          \
	}                                                                                          \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile type *ptr, type *old,           \
							  type value, int order, int failed)       \
	{                                                                                          \
		(void)order;                                                                       \
		(void)failed;                                                                      \
		count_write(ptr, CALLER);                                                          \
		return __atomic_compare_exchange_n(ptr, old, value, false, __ATOMIC_SEQ_CST,       \
						   __ATOMIC_SEQ_CST);                              \
	}                                                                                          \
	int __tsan_atomic##bits##_compare_exchange_weak(volatile type *ptr, type *old, type value, \
							int order, int failed)                     \
	{                                                                                          \
		(void)order;                                                                       \
		(void)failed;                                                                      \
		count_write(ptr, CALLER);                                                          \
		return __atomic_compare_exchange_n(ptr, old, value, false, __ATOMIC_SEQ_CST,       \
						   __ATOMIC_SEQ_CST);                              \
	}                                                                                          \
	FETCH(bits, type, add)                                                                     \
	FETCH(bits, type, sub)                                                                     \
	FETCH(bits, type, and)                                                                     \
	FETCH(bits, type, or)                                                                      \
	FETCH(bits, type, xor)

ATOMICS(8, uint8_t)
ATOMICS(16, uint16_t)
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)

void __tsan_atomic_thread_fence(int order)
{
	(void)order;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

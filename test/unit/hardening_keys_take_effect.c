// SPDX-License-Identifier: MIT
/*
 * Protects users of the hardening keys: freed memory is zeroed, waits in quarantine before it is
 * reused, and a write to it is found; a large object is followed by an inaccessible page; and
 * everything else works as without these keys. The places of objects are random, and differently so
 * in each child of a process (Faults E14).
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pinned.h"
#include "suite.h"

#define CHUNK ((size_t)2 << 20)
#define FAULTED 77

static const size_t sizes[] = { 1, 64, 1000, 3000, 32768, 100000, 2097152, 6000000 };
#define SIZES ((int)(sizeof(sizes) / sizeof(sizes[0])))

/*
 * Sets the configuration. Call this before a test's first allocation; each test has its own
 * process.
 */
static void configure(const char *keys)
{
	char text[200];

	snprintf(text, sizeof(text), "backend:anon,%s", keys);
	setenv("PINNED_CONF", text, 1);
}

static void fault(int signal)
{
	(void)signal;
	_exit(FAULTED);
}

static void expect_fault(void)
{
	struct sigaction action = { .sa_handler = fault };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static void *hidden(void *pointer)
{
	__asm__ volatile("" : "+r"(pointer) : : "memory");
	return pointer;
}

static bool is_all(const char *bytes, char value, size_t size)
{
	return !size || (bytes[0] == value && !memcmp(bytes, bytes + 1, size - 1));
}

static void allocate_and_free(size_t size, int count)
{
	for (int i = 0; i < count; i++)
		pinned_free(pinned_malloc(size));
}

START_TEST(a_freed_object_is_zero)
{
	size_t size = sizes[_i];
	char *object;

	configure("zero_on_free:1,quarantine:16M");
	object = pinned_malloc(size);
	memset(object, 'x', size);
	pinned_free(object);
	ck_assert(is_all(hidden(object), 0, size));
}
END_TEST

START_TEST(what_a_shrunk_object_had_is_zero)
{
	size_t size = sizes[_i];
	char *object, *shrunk;

	configure("zero_on_free:1,quarantine:16M");
	object = pinned_malloc(size);
	memset(object, 'x', size);
	shrunk = pinned_realloc(object, size / 3 + 1);
	ck_assert(is_all(shrunk, 'x', size / 3));
	ck_assert(shrunk == object || is_all(hidden(object), 0, size));
}
END_TEST

START_TEST(a_write_after_free_is_found_when_the_object_has_waited)
{
	char *object;

	configure("zero_on_free:1,quarantine:8M");
	object = pinned_malloc(sizes[_i]);
	pinned_free(object);
	*(char *)hidden(object + sizes[_i] - 1) = 'x';
	allocate_and_free(1 << 20, 20);
}
END_TEST

static const struct {
	size_t size;
	long at;
} outside[] = { { 16, 16 }, { 16, 47 }, { 64, 64 }, { 64, 127 }, { 1000, 1024 }, { 1000, 1500 } };
#define OUTSIDE ((int)(sizeof(outside) / sizeof(outside[0])))

/* Nobody has used the object that follows the first one of a slab. */
START_TEST(a_write_after_an_object_is_found_when_it_is_freed)
{
	char *object;

	configure("zero_on_free:1");
	object = pinned_malloc(outside[_i].size);
	*(char *)hidden(object + outside[_i].at) = 'x';
	pinned_free(object);
}
END_TEST

START_TEST(a_write_before_an_object_is_found_when_it_is_freed)
{
	char *object = NULL, *last;

	configure("zero_on_free:1,random:1");
	do {
		last = object;
		object = pinned_malloc(64);
	} while (!((uintptr_t)object % 4096) || object - 64 == last);
	*(char *)hidden(object - 1) = 'x';
	pinned_free(object);
}
END_TEST

START_TEST(a_write_to_an_object_that_nobody_has_used_is_found)
{
	char *object;

	configure("zero_on_free:1");
	object = pinned_malloc(100);
	*(char *)hidden(object + 10 * 128 + 77) = 'x';
	for (int i = 0; i < 20; i++)
		ck_assert_ptr_nonnull(pinned_malloc(100));
}
END_TEST

/* Slabs are made of pages that contained other objects, and of new pages. */
START_TEST(objects_beside_used_ones_are_no_misuse)
{
	char *objects[100];

	configure("zero_on_free:1,random:1");
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 100; i++) {
			size_t size = sizes[(i * 7 + round) % 6];

			objects[i] = pinned_malloc(size);
			ck_assert_ptr_nonnull(objects[i]);
			memset(objects[i], 'x', size);
		}
		for (int i = 0; i < 100; i++)
			pinned_free(objects[(i * 37 + round) % 100]);
	}
}
END_TEST

START_TEST(a_write_after_free_is_found_when_the_object_is_handed_out)
{
	char *object;

	configure("zero_on_free:1");
	object = pinned_malloc(100);
	ck_assert_ptr_nonnull(pinned_malloc(100));
	pinned_free(object);
	*(char *)hidden(object + 99) = 'x';
	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_nonnull(pinned_malloc(100));
}
END_TEST

START_TEST(a_freed_object_waits)
{
	size_t size = sizes[_i];
	char *object, *others[8];

	configure("quarantine:16M");
	object = pinned_malloc(size);
	pinned_free(object);
	for (int i = 0; i < 8; i++) {
		others[i] = pinned_malloc(size);
		ck_assert(others[i] + size <= object || object + size <= others[i]);
	}
	for (int i = 0; i < 8; i++)
		pinned_free(others[i]);
}
END_TEST

START_TEST(a_double_free_is_found_while_it_waits)
{
	void *object;

	configure("quarantine:16M");
	object = pinned_malloc(sizes[_i]);
	pinned_free(object);
	allocate_and_free(sizes[_i], 1);
	pinned_free(object);
}
END_TEST

START_TEST(what_waits_is_bounded)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	configure("quarantine:4M,zero_on_free:1,decay_ms:0");
	allocate_and_free(sizes[_i], 300);
	ck_assert_int_eq(pinned_stats(&stats), 0);
	ck_assert_uint_le(stats.cached_bytes, 4 << 20);
	ck_assert_uint_le(stats.peak_chunk_bytes, 14 << 20);
	ck_assert_uint_eq(stats.object_bytes, stats.cached_bytes);
}
END_TEST

START_TEST(what_waits_comes_back_when_memory_is_short)
{
	configure("quarantine:1G,limit:16M");
	for (int i = 0; i < 100; i++) {
		void *object = pinned_malloc(3 << 20);

		ck_assert_ptr_nonnull(object);
		pinned_free(object);
	}
}
END_TEST

START_TEST(an_overflow_of_a_large_object_faults)
{
	size_t size = 2 * CHUNK;
	char *objects[5];

	configure("guard:1");
	for (int i = 0; i < 5; i++)
		objects[i] = pinned_malloc(size);
	pinned_free(objects[1]);
	objects[1] = pinned_malloc(size / 2 + 1);
	objects[3] = pinned_realloc(objects[3], 5 * CHUNK);
	memset(objects[3], 'x', 5 * CHUNK);
	expect_fault();
	*(char *)hidden(objects[_i] + (_i == 3 ? 5 * CHUNK : size)) = 'x';
}
END_TEST

START_TEST(an_underflow_of_a_large_object_faults)
{
	char *object;

	configure("guard:1");
	ck_assert_ptr_nonnull(pinned_malloc(100));
	object = pinned_malloc(2 * CHUNK);
	expect_fault();
	*(char *)hidden(object - 1) = 'x';
}
END_TEST

START_TEST(an_overflow_ends_with_the_chunk)
{
	char *object, *end;

	configure("guard:1");
	for (int i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(pinned_malloc(100000));
	object = pinned_malloc(100);
	end = (char *)(((uintptr_t)object | (CHUNK - 1)) + 1);
	*(char *)hidden(end - 1) = 'x';
	expect_fault();
	*(char *)hidden(end) = 'x';
}
END_TEST

START_TEST(a_freed_large_object_faults)
{
	char *object;

	configure("guard:1");
	object = pinned_malloc(3 * CHUNK);
	object[5] = 'x';
	pinned_free(object);
	expect_fault();
	ck_assert_int_eq(*(char *)hidden(object + 5), 'x');
}
END_TEST

START_TEST(objects_are_in_no_order)
{
	char *last = NULL, *object;
	int ascents = 0;

	configure("random:1");
	for (int i = 0; i < 1000; i++, last = object) {
		object = pinned_malloc(64);
		ascents += object > last;
	}
	/* In random order about half of 1000 objects lie above the object before them. */
	ck_assert_int_gt(ascents, 350);
	ck_assert_int_lt(ascents, 750);
}
END_TEST

START_TEST(a_child_goes_on)
{
	void *object, *waits;
	pid_t child;
	int status;

	configure("zero_on_free:1,quarantine:1M,guard:1,random:1");
	object = pinned_malloc(1000);
	waits = pinned_malloc(1000);
	pinned_free(waits);
	child = fork();
	if (!child) {
		pinned_free(object);
		allocate_and_free(100, 10000);
		allocate_and_free(100000, 100);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	pinned_free(object);
	allocate_and_free(100000, 100);
}
END_TEST

static void write_places(int fd)
{
	void *objects[200];

	for (int i = 0; i < 200; i++)
		objects[i] = pinned_malloc(64);
	if (write(fd, objects, sizeof(objects)) != sizeof(objects))
		_exit(1);
}

/* Each child chooses places by a random sequence of its own (Faults E14). */
START_TEST(children_get_places_of_their_own)
{
	void *places[3][200];
	int ends[2], status;

	configure("random:1");
	pinned_free(pinned_malloc(64));
	ck_assert_int_eq(pipe(ends), 0);
	for (int i = 0; i < 3; i++) {
		pid_t child = fork();

		if (!child) {
			write_places(ends[1]);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_int_eq(status, 0);
		ck_assert_int_eq(read(ends[0], places[i], sizeof(places[i])), sizeof(places[i]));
	}
	ck_assert_int_ne(memcmp(places[0], places[1], sizeof(places[0])), 0);
	ck_assert_int_ne(memcmp(places[1], places[2], sizeof(places[0])), 0);
	ck_assert_int_ne(memcmp(places[0], places[2], sizeof(places[0])), 0);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test_raise_signal(tcase, a_write_after_an_object_is_found_when_it_is_freed,
					 SIGABRT, 0, OUTSIDE);
	tcase_add_test_raise_signal(tcase, a_write_before_an_object_is_found_when_it_is_freed,
				    SIGABRT);
	tcase_add_test_raise_signal(tcase, a_write_to_an_object_that_nobody_has_used_is_found,
				    SIGABRT);
	tcase_add_test(tcase, objects_beside_used_ones_are_no_misuse);
	tcase_add_loop_test(tcase, a_freed_object_is_zero, 0, SIZES);
	tcase_add_loop_test(tcase, what_a_shrunk_object_had_is_zero, 0, SIZES);
	tcase_add_loop_test_raise_signal(
		tcase, a_write_after_free_is_found_when_the_object_has_waited, SIGABRT, 0, SIZES);
	tcase_add_test_raise_signal(
		tcase, a_write_after_free_is_found_when_the_object_is_handed_out, SIGABRT);
	tcase_add_loop_test(tcase, a_freed_object_waits, 0, SIZES);
	tcase_add_loop_test_raise_signal(tcase, a_double_free_is_found_while_it_waits, SIGABRT, 0,
					 SIZES);
	tcase_add_loop_test(tcase, what_waits_is_bounded, 0, SIZES);
	tcase_add_test(tcase, what_waits_comes_back_when_memory_is_short);
	tcase_add_loop_exit_test(tcase, an_overflow_of_a_large_object_faults, FAULTED, 0, 5);
	tcase_add_exit_test(tcase, an_underflow_of_a_large_object_faults, FAULTED);
	tcase_add_exit_test(tcase, an_overflow_ends_with_the_chunk, FAULTED);
	tcase_add_exit_test(tcase, a_freed_large_object_faults, FAULTED);
	tcase_add_test(tcase, objects_are_in_no_order);
	tcase_add_test(tcase, a_child_goes_on);
	tcase_add_test(tcase, children_get_places_of_their_own);
}

int main(void)
{
	return run_suite("hardening_keys_take_effect", add);
}

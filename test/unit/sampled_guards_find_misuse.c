// SPDX-License-Identifier: MIT
/*
 * Protects users of the key guard:N: about one in N objects ends where accessible memory ends, and is
 * inaccessible from its free on until its addresses are used again; at most 16 are live at a time.
 * Otherwise such an object is like any other: it is zeroed by calloc, grows, has a size, may be freed
 * with its size, and a second free of it ends the process.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "front/alloc.h"
#include "front/guarded.h"
#include "pinned.h"
#include "suite.h"

#define CHUNK ((size_t)2 << 20)
#define LIVE_MAX 16

static const size_t sizes[] = { 1, 16, 100, 1000, 4096, 30000, 100000, 1000000, 2097152 };
#define SIZES ((int)(sizeof(sizes) / sizeof(sizes[0])))

static sigjmp_buf back;

static void fault(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static bool is_accessible(const volatile char *at)
{
	if (sigsetjmp(back, 1))
		return false;
	(void)*at;
	return true;
}

static void configure(const char *keys)
{
	struct sigaction action = { .sa_handler = fault };
	char text[200];

	snprintf(text, sizeof(text), "backend:anon,%s", keys);
	setenv("PINNED_CONF", text, 1);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static size_t rounded(size_t size)
{
	return (size + 15) & ~(size_t)15;
}

static bool is_guarded(const char *object, size_t size)
{
	if (!pn_guarded_has(pn_slab_at(pn_arena_offset(object))))
		return false;
	ck_assert_uint_eq((uintptr_t)(object + rounded(size)) % CHUNK, 0);
	return true;
}

/* Allocates objects until one is guarded, and frees the others. */
static char *allocate_guarded(size_t size)
{
	char *others[1000], *object = NULL;
	size_t count = 0;

	while (!object && count < 1000) {
		char *next = pinned_malloc(size);

		ck_assert_ptr_nonnull(next);
		if (is_guarded(next, size))
			object = next;
		else
			others[count++] = next;
	}
	ck_assert_ptr_nonnull(object);
	while (count)
		pinned_free(others[--count]);
	return object;
}

START_TEST(an_overflow_faults)
{
	size_t size = sizes[_i];
	char *object;

	configure("guard:4");
	object = allocate_guarded(size);
	memset(object, 1, rounded(size));
	ck_assert(!is_accessible(object + rounded(size)));
	ck_assert_uint_eq(pinned_usable_size(object), rounded(size));
	pinned_free(object);
}
END_TEST

START_TEST(an_access_after_free_faults)
{
	size_t size = sizes[_i];
	char *object;

	configure("guard:4");
	object = allocate_guarded(size);
	ck_assert(is_accessible(object));
	pinned_free(object);
	ck_assert(!is_accessible(object));
	ck_assert(!is_accessible(object + size - 1));
	for (int i = 0; i < 200; i++)
		pinned_free(pinned_malloc(size));
	ck_assert(!is_accessible(object));
}
END_TEST

START_TEST(a_double_free_aborts)
{
	char *object;

	configure("guard:4");
	object = allocate_guarded(sizes[_i]);
	pinned_free(object);
	pinned_free(object);
}
END_TEST

START_TEST(a_free_inside_aborts)
{
	configure("guard:4");
	pinned_free(allocate_guarded(100) + 16);
}
END_TEST

START_TEST(a_free_with_its_size_succeeds)
{
	size_t size = sizes[_i];

	configure("guard:4");
	pn_free_sized(allocate_guarded(size), 1, size, "free_sized()");
}
END_TEST

START_TEST(a_free_with_another_size_aborts)
{
	configure("guard:4");
	pn_free_sized(allocate_guarded(100), 1, 30, "free_sized()");
}
END_TEST

START_TEST(contents_move_with_realloc)
{
	static const size_t to[] = { 10, 90, 112, 113, 500, 100000, 3000000 };

	configure("guard:4");
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		char *object = allocate_guarded(100);

		memset(object, 'x', 100);
		object = pinned_realloc(object, to[i]);
		ck_assert_ptr_nonnull(object);
		for (size_t at = 0; at < to[i] && at < 100; at++)
			ck_assert_int_eq(object[at], 'x');
		memset(object, 'y', to[i]);
		pinned_free(object);
	}
}
END_TEST

START_TEST(calloc_is_zero)
{
	int guarded = 0;

	configure("guard:4");
	for (int i = 0; i < 400; i++) {
		size_t size = sizes[i % SIZES];
		char *object = pinned_calloc(1, size);

		ck_assert_ptr_nonnull(object);
		ck_assert(!object[0] && !memcmp(object, object + 1, size - 1));
		guarded += is_guarded(object, size);
		memset(object, 1, size);
		pinned_free(object);
	}
	ck_assert_int_gt(guarded, 5);
}
END_TEST

/* Returns how many of @count pairs of malloc and free get a guarded object. */
static int count_guarded_pairs(int count, size_t size)
{
	int guarded = 0;

	for (int i = 0; i < count; i++) {
		char *object = pinned_malloc(size);

		guarded += is_guarded(object, size);
		pinned_free(object);
	}
	return guarded;
}

/* The same object is allocated and freed again and again, and takes only fast paths. */
START_TEST(about_one_in_n_is_guarded)
{
	int guarded;

	configure("guard:50");
	guarded = count_guarded_pairs(10000, 64);
	ck_assert_int_gt(guarded, 50);
	ck_assert_int_lt(guarded, 400);
}
END_TEST

START_TEST(at_most_some_are_live)
{
	char *objects[500];
	int guarded = 0;

	configure("guard:2");
	for (int i = 0; i < 500; i++) {
		objects[i] = pinned_malloc(1000);
		ck_assert_ptr_nonnull(objects[i]);
		guarded += is_guarded(objects[i], 1000);
	}
	ck_assert_int_eq(guarded, LIVE_MAX);
	for (int i = 0; i < 500; i++)
		pinned_free(objects[i]);
	ck_assert_int_gt(count_guarded_pairs(100, 1000), 0);
}
END_TEST

/* 64 MiB are 32 chunks. */
START_TEST(a_limit_leaves_room_for_other_objects)
{
	int guarded = 0;

	configure("guard:2,limit:64M");
	for (int i = 0; i < 500; i++)
		guarded += is_guarded(pinned_malloc(1000), 1000);
	ck_assert_int_eq(guarded, 4);
}
END_TEST

static const char *const without[] = { "guard:0", "guard:1", "guard:2,guard:0",
				       "guard:2,realtime:32M" };
#define WITHOUT ((int)(sizeof(without) / sizeof(without[0])))

START_TEST(no_object_is_guarded)
{
	configure(without[_i]);
	ck_assert_int_eq(count_guarded_pairs(1000, 100), 0);
}
END_TEST

START_TEST(other_keys_work_as_well)
{
	configure("guard:4,zero_on_free:1,quarantine:1M,random:1,classes:fine");
	ck_assert_int_gt(count_guarded_pairs(1000, 100), 50);
}
END_TEST

START_TEST(a_forked_child_has_guards_of_its_own)
{
	char *object;
	int status;
	pid_t pid;

	configure("guard:4");
	object = allocate_guarded(100);
	memset(object, 'x', 100);
	pid = fork();
	if (!pid) {
		bool is_right = object[99] == 'x';

		pinned_free(object);
		is_right &= count_guarded_pairs(200, 100) > 0;
		end_child(is_right ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(object[99], 'x');
	pinned_free(object);
	ck_assert(!is_accessible(object));
}
END_TEST

static void *allocate_and_free(void *seed)
{
	unsigned int random = (unsigned int)(uintptr_t)seed;
	char *objects[50] = { NULL };

	for (int i = 0; i < 3000; i++) {
		char **object = &objects[rand_r(&random) % 50];
		size_t size = sizes[(unsigned int)rand_r(&random) % (SIZES - 1)];

		if (*object)
			pinned_free(*object);
		*object = pinned_malloc(size);
		ck_assert_ptr_nonnull(*object);
		(*object)[0] = (*object)[size - 1] = 1;
	}
	for (int i = 0; i < 50; i++)
		if (objects[i])
			pinned_free(objects[i]);
	return NULL;
}

START_TEST(threads_do_not_disturb_each_other)
{
	pthread_t threads[3];

	configure("guard:10");
	for (uintptr_t i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, allocate_and_free, (void *)i),
				 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, an_overflow_faults, 0, SIZES);
	tcase_add_loop_test(tcase, an_access_after_free_faults, 0, SIZES);
	tcase_add_loop_test_raise_signal(tcase, a_double_free_aborts, SIGABRT, 0, SIZES);
	tcase_add_test_raise_signal(tcase, a_free_inside_aborts, SIGABRT);
	tcase_add_loop_test(tcase, a_free_with_its_size_succeeds, 0, SIZES);
	tcase_add_test_raise_signal(tcase, a_free_with_another_size_aborts, SIGABRT);
	tcase_add_test(tcase, contents_move_with_realloc);
	tcase_add_test(tcase, calloc_is_zero);
	tcase_add_test(tcase, about_one_in_n_is_guarded);
	tcase_add_test(tcase, at_most_some_are_live);
	tcase_add_test(tcase, a_limit_leaves_room_for_other_objects);
	tcase_add_loop_test(tcase, no_object_is_guarded, 0, WITHOUT);
	tcase_add_test(tcase, other_keys_work_as_well);
	tcase_add_test(tcase, a_forked_child_has_guards_of_its_own);
	tcase_add_test(tcase, threads_do_not_disturb_each_other);
}

int main(void)
{
	return run_suite("sampled_guards_find_misuse", add);
}

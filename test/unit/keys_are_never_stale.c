// SPDX-License-Identifier: MIT
/*
 * Protects registrars: a chunk is registered before its key is known, once, and is withdrawn before
 * its memory goes and before the announcement that libraries intercept; no function of a registrar
 * is called under a lock of the library. The functions fail, allocate, free and fork. A forked
 * child gets no key of its parent.
 * Wraps: madvise pn_sys_unmap
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/wait.h>

#include "registrar.h"

START_TEST(each_chunk_is_registered_once_and_withdrawn_before_it_goes)
{
	struct pinned_registrar *registrar = begin("backend:anon");
	char *small[] = { pinned_malloc(10), pinned_malloc(10) }, *large, *chunks;
	int local;

	ck_assert_uint_eq(adds, 0);
	expect_key(registrar, small[0]);
	expect_key(registrar, small[0] + 9);
	expect_key(registrar, small[1]);
	ck_assert_uint_eq(adds, slot_of(small[0]) == slot_of(small[1]) ? 1 : 2);
	adds = removes = 0;
	large = pinned_malloc(3 * CHUNK);
	chunks = pinned_chunks_alloc(NULL, 2, CHUNK, 0, NULL, NULL);
	for (size_t i = 0; i < 3; i++)
		expect_key(registrar, large + i * CHUNK + i);
	expect_key(registrar, chunks + CHUNK);
	ck_assert_uint_eq(adds, 4);
	ck_assert_ptr_eq(pinned_realloc(large, CHUNK + 1), large);
	pinned_purge();
	ck_assert(removes == 1 && !registered[slot_of(large + 2 * CHUNK)]);
	expect_key(registrar, large + CHUNK);
	ck_assert_uint_eq(adds, 4);
	pinned_free(large);
	pinned_chunks_free(chunks, 2);
	pinned_purge();
	ck_assert_uint_eq(removes, 4);
	expect_error(registrar, large, EFAULT);
	expect_error(registrar, &local, EFAULT);
	expect_error(registrar, NULL, EFAULT);
	/* A chunk that comes again is registered again. */
	large = pinned_malloc(3 * CHUNK);
	expect_key(registrar, large);
	ck_assert_uint_eq(adds, 5);
	removes = 0;
	adds = (uint32_t)((struct pn_registrar *)(void *)registrar)->count;
	end(registrar);
	ck_assert_int_eq(pinned_unwatch(NULL), 0);
}
END_TEST

START_TEST(a_destroyed_heap_has_no_keys)
{
	struct pinned_registrar *registrar = begin("backend:anon"), *second;
	struct pinned_heap *heap = pinned_heap_create(NULL);
	char *object = pinned_heap_malloc(heap, 3 * CHUNK);

	expect_key(registrar, object);
	expect_key(registrar, object + CHUNK);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
	ck_assert_uint_eq(removes, 2);
	expect_error(registrar, object, EFAULT);
	/* Two registrars have keys of their own. */
	object = pinned_malloc(CHUNK + 1);
	expect_key(registrar, object);
	memset(registered, 0, sizeof(registered));
	second = begin("");
	expect_key(second, object);
	expect_key(second, object + CHUNK);
	ck_assert_int_eq(pinned_unwatch(second), 0);
	registered[slot_of(object)] = 1;
	expect_key(registrar, object);
	end(registrar);
	ck_assert_ptr_null(pinned_watch(NULL, remove_key, NULL));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(pinned_watch(add_key, NULL, NULL));
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

static uint64_t taken_back;

static int add_largest(void *ctx, void *addr, size_t len, uint64_t *key)
{
	(void)addr;
	(void)len;
	*key = *(uint64_t *)ctx;
	return 0;
}

static void take_back(void *ctx, void *addr, size_t len, uint64_t key)
{
	(void)ctx;
	(void)addr;
	(void)len;
	taken_back = key;
}

START_TEST(a_failure_is_counted_and_tried_again)
{
	struct pinned_registrar *registrar = begin("backend:anon"), *other;
	char *object = pinned_malloc(100);
	uint64_t largest = UINT64_MAX;

	fails_with = ENOSPC;
	expect_error(registrar, object, ENOSPC);
	expect_error(registrar, object, ENOSPC);
	ck_assert(adds == 0 && pn_registrars_failures() == 2);
	memset(object, 1, 100);
	fails_with = 0;
	expect_key(registrar, object);
	end(registrar);
	other = pinned_watch(add_largest, take_back, &largest);
	for (int i = 0; i < 2; i++, largest--) {
		taken_back = 0;
		expect_error(other, object, EOVERFLOW);
		ck_assert_uint_eq(taken_back, largest);
	}
	ck_assert_int_eq(pinned_key(other, object, &largest) > 0, 1);
	ck_assert_uint_eq(largest, UINT64_MAX - 2);
	ck_assert_uint_eq(pn_registrars_failures(), 4);
	ck_assert_int_eq(pinned_unwatch(other), 0);
}
END_TEST

static void do_everything(char *addr)
{
	char *object = pinned_malloc(CHUNK + 1);
	pid_t child;
	int status;

	ck_assert_ptr_nonnull(object);
	expect_error(current, object, EDEADLK);
	ck_assert_int_eq(pinned_unwatch(current), -1);
	ck_assert_int_eq(errno, EDEADLK);
	pinned_free(object);
	ck_assert_uint_eq(pinned_purge(), 0);
	child = fork();
	if (!child) {
		expect_error(current, addr, ECHILD);
		pinned_free(pinned_malloc(CHUNK + 1));
		end_child(0);
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

START_TEST(the_functions_allocate_free_and_fork)
{
	char *object;

	current = begin("backend:anon,decay_ms:0");
	object = pinned_malloc(2 * CHUNK);
	set_meanwhile(do_everything);
	expect_key(current, object);
	expect_key(current, object + CHUNK);
	pinned_free(object);
	ck_assert_uint_eq(removes, 2);
	set_meanwhile(NULL);
	end(current);
}
END_TEST

static bool is_in_child;

static void split(char *addr)
{
	pid_t child = fork();
	int status;

	(void)addr;
	set_meanwhile(NULL);
	is_in_child = !child;
	if (is_in_child)
		return;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

/* The child returns from the function, too, and finds no key. */
START_TEST(a_child_that_goes_on_in_a_function_has_no_keys)
{
	struct pinned_registrar *registrar = begin("backend:anon,decay_ms:0");
	char *object = pinned_malloc(2 * CHUNK), *own;
	uint64_t key;
	long room;

	set_meanwhile(split);
	room = pinned_key(registrar, object, &key);
	if (is_in_child) {
		ck_assert(room == -1 && errno == ECHILD);
		ck_assert_int_eq(pinned_unwatch(registrar), 0);
		pinned_free(object);
		end_child(removes);
	}
	expect_key(registrar, object);
	expect_key(registrar, object + CHUNK);
	set_meanwhile(split);
	removes = 0;
	pinned_free(object);
	if (is_in_child) {
		ck_assert_uint_eq(removes, 1);
		ck_assert_int_eq(pinned_unwatch(registrar), 0);
		memset(registered, 0, sizeof(registered));
		registrar = begin("");
		own = pinned_malloc(CHUNK + 1);
		expect_key(registrar, own);
		end_child(removes - 1);
	}
	ck_assert_uint_eq(removes, 2);
	end(registrar);
}
END_TEST

START_TEST(a_child_starts_anew)
{
	struct pinned_registrar *registrar = begin("backend:anon"), *own;
	char *object = pinned_malloc(100), *mine;
	int status;
	pid_t child;

	expect_key(registrar, object);
	child = fork();
	if (!child) {
		mine = pinned_malloc(100000);
		expect_error(registrar, object, ECHILD);
		expect_error(registrar, mine, ECHILD);
		own = begin("");
		expect_error(own, object, EFAULT);
		expect_key(own, mine);
		ck_assert_int_eq(pinned_unwatch(registrar), 0);
		ck_assert_uint_eq(removes, 0);
		ck_assert_int_eq(pinned_unwatch(own), 0);
		end_child(removes == 1 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	expect_key(registrar, object);
	ck_assert_uint_eq(adds, 1);
	end(registrar);
}
END_TEST

static void *churn(void *nothing)
{
	unsigned int seed = (unsigned int)(uintptr_t)&seed;

	for (int i = 0; i < 200; i++) {
		size_t size = (size_t)rand_r(&seed) % (3 * CHUNK) + 1;
		char *object = pinned_malloc(size);

		if (!object)
			continue;
		for (size_t at = 0; at < size; at += CHUNK / 2)
			expect_key(current, object + at);
		pinned_free(object);
		if (i % 50 == 0)
			pinned_purge();
	}
	return nothing;
}

START_TEST(threads_churn)
{
	pthread_t threads[THREADS];

	current = begin("backend:anon,decay_ms:0,limit:64M");
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_ge(adds, 10);
	end(current);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, each_chunk_is_registered_once_and_withdrawn_before_it_goes);
	tcase_add_test(tcase, a_destroyed_heap_has_no_keys);
	tcase_add_test(tcase, a_failure_is_counted_and_tried_again);
	tcase_add_test(tcase, the_functions_allocate_free_and_fork);
	tcase_add_test(tcase, a_child_that_goes_on_in_a_function_has_no_keys);
	tcase_add_test(tcase, a_child_starts_anew);
	tcase_add_test(tcase, threads_churn);
}

int main(void)
{
	return run_suite("keys_are_never_stale", add);
}

// SPDX-License-Identifier: MIT
/*
 * Protects users of heap profiles: an object is no longer counted as live after it is freed,
 * whichever thread frees it and by whichever function. Estimates come close to what was allocated,
 * a forked child goes on with its parent's samples, and without a configuration there is no
 * profile.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pinned.h"
#include "suite.h"

static char text[1 << 22];

struct sums {
	unsigned long live_objects;
	unsigned long live_bytes;
	unsigned long all_objects;
	unsigned long all_bytes;
};

static struct sums get_sums(void)
{
	FILE *file = tmpfile();
	struct sums sums;
	size_t len;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(pinned_profile_dump(fileno(file)), 0);
	rewind(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	ck_assert_int_eq(sscanf(text, "heap profile: %lu: %lu [%lu: %lu] @ heap_v2/",
				&sums.live_objects, &sums.live_bytes, &sums.all_objects,
				&sums.all_bytes),
			 4);
	ck_assert_ptr_nonnull(strstr(text, "\nMAPPED_LIBRARIES:\n"));
	return sums;
}

static void configure(const char *configuration)
{
	ck_assert_int_eq(setenv("PINNED_CONF", configuration, 1), 0);
}

START_TEST(nothing_without_configuration)
{
	pinned_free(pinned_malloc(1));
	errno = 0;
	ck_assert_int_eq(pinned_profile_dump(STDOUT_FILENO), -1);
	ck_assert_int_eq(errno, ENOTSUP);
}
END_TEST

START_TEST(samples_stand_for_all_bytes)
{
	struct sums sums;

	configure("backend:anon,profile:1000");
	for (int i = 0; i < 100000; i++)
		ck_assert_ptr_nonnull(pinned_malloc(100));
	/*
	 * A sample falls on an object with the probability 1 - exp(-0.1). That is slightly less
	 * than 1/10, because two samples may fall on the same object.
	 */
	sums = get_sums();
	ck_assert_uint_gt(sums.live_objects, 9516 - 500);
	ck_assert_uint_lt(sums.live_objects, 9516 + 500);
	ck_assert_uint_eq(sums.live_bytes, sums.live_objects * 100);
	ck_assert_uint_eq(sums.all_objects, sums.live_objects);
}
END_TEST

static void *work(void *seed)
{
	static __thread void *objects[100];
	uint64_t state = (uintptr_t)seed;

	for (int i = 0; i < 20000; i++) {
		size_t k = (state >> 33) % 100, size = (state >> 40) % 5000;

		state = state * 6364136223846793005u + 1442695040888963407u;
		if (i % 3 == 0)
			objects[k] = pinned_realloc(objects[k], size * 10);
		else if (i % 100 == 1)
			pinned_free(pinned_malloc(5 << 20));
		else {
			pinned_free(objects[k]);
			objects[k] = i % 2 ? pinned_calloc(1, size) : pinned_memalign(256, size);
		}
	}
	for (size_t i = 0; i < 100; i++)
		pinned_free(objects[i]);
	return NULL;
}

START_TEST(what_is_freed_is_not_live)
{
	pthread_t threads[4];

	configure("backend:anon,profile:500");
	pinned_free(pinned_malloc(1));
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
	for (int i = 0; i < 5; i++)
		get_sums();
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_gt(get_sums().all_objects, 1000);
	ck_assert_uint_eq(get_sums().live_objects, 0);
	ck_assert_uint_eq(get_sums().live_bytes, 0);
}
END_TEST

START_TEST(resized_object_has_its_new_size)
{
	char *object;

	configure("backend:anon,profile:1");
	object = pinned_malloc(3 << 20);
	ck_assert_uint_eq(get_sums().live_bytes, 3 << 20);
	object = pinned_realloc(object, 9 << 20);
	ck_assert_uint_eq(get_sums().live_bytes, 9 << 20);
	object = pinned_realloc(object, 5000);
	ck_assert_uint_eq(get_sums().live_bytes, 5000);
	pinned_free(object);
	ck_assert_uint_eq(get_sums().live_bytes, 0);
}
END_TEST

/* Destroying a heap ends its objects without freeing them one by one. */
START_TEST(what_a_destroyed_heap_had_is_not_live)
{
	struct pinned_heap *heap;
	void *other;

	configure("backend:anon,profile:1");
	other = pinned_malloc(700);
	heap = pinned_heap_create(NULL);
	ck_assert_ptr_nonnull(heap);
	for (size_t i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(pinned_heap_malloc(heap, 16 + i * 1000));
	ck_assert_ptr_nonnull(pinned_heap_malloc(heap, 5 << 20));
	ck_assert_uint_eq(get_sums().live_objects, 102);
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
	ck_assert_uint_eq(get_sums().live_objects, 1);
	ck_assert_uint_eq(get_sums().live_bytes, 700);
	pinned_free(other);
	ck_assert_uint_eq(get_sums().live_objects, 0);
}
END_TEST

START_TEST(child_goes_on)
{
	void *object;
	pid_t child;
	int status;

	configure("backend:anon,profile:1");
	object = pinned_malloc(10000);
	child = fork();
	if (!child) {
		pinned_free(object);
		object = pinned_malloc(500);
		_exit(get_sums().live_bytes != 500);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(get_sums().live_bytes, 10000);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, nothing_without_configuration);
	tcase_add_test(tcase, samples_stand_for_all_bytes);
	tcase_add_test(tcase, what_is_freed_is_not_live);
	tcase_add_test(tcase, resized_object_has_its_new_size);
	tcase_add_test(tcase, what_a_destroyed_heap_had_is_not_live);
	tcase_add_test(tcase, child_goes_on);
}

int main(void)
{
	return run_suite("profile_counts_live_objects", add);
}

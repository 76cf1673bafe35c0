// SPDX-License-Identifier: MIT
/*
 * Protects readers of pinned_dump(): its figures agree with what the program allocated
 * and with pinned_stats(), it works while other threads allocate, and it reports a
 * write that fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pinned.h"
#include "suite.h"

static char text[1 << 20];

static const char *take_dump(void)
{
	FILE *file = tmpfile();
	size_t len;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(pinned_dump(fileno(file)), 0);
	rewind(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	ck_assert_uint_gt(len, 2);
	ck_assert_str_eq(text + len - 2, "}\n");
	return text;
}

/* Returns the value of the first member named @name at or after @at. */
static uint64_t number(const char *at, const char *name)
{
	char wanted[64];
	const char *found;

	snprintf(wanted, sizeof(wanted), "\"%s\":", name);
	found = strstr(at, wanted);
	ck_assert_msg(found != NULL, "no member %s in %s", name, at);
	return strtoull(found + strlen(wanted), NULL, 10);
}

START_TEST(agrees_with_stats)
{
	struct pinned_stats stats = { .size = sizeof(stats) };
	const char *dump;

	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_nonnull(pinned_malloc(100));
	ck_assert_ptr_nonnull(pinned_malloc(100000));
	ck_assert_ptr_nonnull(pinned_malloc(5 << 20));
	dump = take_dump();
	ck_assert_int_eq(pinned_stats(&stats), 0);
	ck_assert_uint_eq(number(dump, "pid"), (uint64_t)getpid());
	ck_assert_uint_eq(number(dump, "arena_bytes"), stats.arena_bytes);
	ck_assert_uint_eq(number(dump, "chunk_bytes"), stats.chunk_bytes);
	ck_assert_uint_eq(number(dump, "object_bytes"), stats.object_bytes);
	ck_assert_uint_eq(number(dump, "cached_bytes"), stats.cached_bytes);
	ck_assert_uint_eq(number(dump, "large_bytes"), 6 << 20);
	ck_assert_uint_eq(stats.object_bytes - stats.cached_bytes - stats.large_bytes -
				  number(dump, "medium_bytes"),
			  1000 * 128);
	ck_assert_ptr_nonnull(
		strstr(dump, "\"state\":\"large\",\"inherited\":false,\"chunks\":3}"));
}
END_TEST

START_TEST(objects_are_out_or_free)
{
	static void *objects[5000];
	const char *class;

	for (size_t i = 0; i < 5000; i++)
		objects[i] = pinned_malloc(300);
	for (size_t i = 0; i < 5000; i += 2)
		pinned_free(objects[i]);
	class = strstr(take_dump(), "\"size\":512,");
	ck_assert_ptr_nonnull(class);
	ck_assert_uint_eq(number(class, "out") - number(class, "cached"), 2500);
	ck_assert_uint_ge(number(class, "objects"), number(class, "out"));
	ck_assert_uint_ge(number(class, "slabs"), 1);
}
END_TEST

START_TEST(failed_write_is_told)
{
	int fds[2];

	errno = 0;
	ck_assert_int_eq(pinned_dump(-1), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq(pipe(fds), 0);
	close(fds[0]);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pinned_dump(fds[1]), -1);
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

static void *allocate_and_free(void *is_over)
{
	static __thread void *objects[64];
	unsigned int i = 0;

	while (!__atomic_load_n((int *)is_over, __ATOMIC_RELAXED)) {
		pinned_free(objects[i % 64]);
		objects[i % 64] = pinned_malloc((size_t)i * 7919 % 200000);
		i++;
	}
	for (i = 0; i < 64; i++)
		pinned_free(objects[i]);
	return NULL;
}

START_TEST(dump_while_threads_allocate)
{
	pthread_t threads[3];
	int is_over = 0;

	pinned_free(pinned_malloc(1));
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, allocate_and_free, &is_over), 0);
	for (int i = 0; i < 50; i++)
		take_dump();
	__atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, agrees_with_stats);
	tcase_add_test(tcase, objects_are_out_or_free);
	tcase_add_test(tcase, failed_write_is_told);
	tcase_add_test(tcase, dump_while_threads_allocate);
}

int main(void)
{
	return run_suite("dump_agrees_with_objects", add);
}

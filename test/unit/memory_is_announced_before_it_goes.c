// SPDX-License-Identifier: MIT
/*
 * Protects caches of memory registrations, as in UCX and libfabric: each range of pinned memory is
 * announced by one call of madvise(MADV_DONTNEED) before it goes, while the thread holds no lock of
 * the library and nobody else can use the range (Faults E12). The functions of this file stand for
 * whoever intercepts that call, and allocate, free, map and fork meanwhile.
 * Wraps: madvise pn_sys_unmap
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena/arena.h"
#include "os/sys.h"
#include "os/thread.h"
#include "pinned.h"
#include "suite.h"

#define SIZE (3 * PINNED_CHUNK_SIZE)
#define EVENTS 1000

static struct event {
	char *begin, *end;
} events[EVENTS];
static size_t event_count, unannounced;
/* What the interceptor does during an announcement, beside checking and counting. */
static void (*meanwhile)(char *begin, size_t size);
static bool is_watching;

int __real_madvise(void *addr, size_t size, int advice);
int __wrap_madvise(void *addr, size_t size, int advice);
bool __real_pn_sys_unmap(void *addr, size_t size);
bool __wrap_pn_sys_unmap(void *addr, size_t size);

int __wrap_madvise(void *addr, size_t size, int advice)
{
	if (advice == MADV_DONTNEED && pn_arena_has(addr)) {
		ck_assert_uint_eq(pn_lock_thread.held, 0);
		ck_assert(pn_sys_is_mapped(addr) && pn_sys_is_mapped((char *)addr + size - 4096));
		if (is_watching) {
			ck_assert_uint_lt(event_count, EVENTS);
			events[event_count++] = (struct event){ addr, (char *)addr + size };
		}
		errno = EBADMSG;
		if (meanwhile)
			meanwhile(addr, size);
	}
	return __real_madvise(addr, size, advice);
}

/* Counts the chunks that go although nobody was told. */
bool __wrap_pn_sys_unmap(void *addr, size_t size)
{
	char *end = (char *)addr + size;

	for (char *at = addr; is_watching && pn_arena_has(at) && at < end; at += 2 << 20) {
		bool is_announced = false;

		for (size_t i = 0; i < event_count; i++)
			is_announced |= at >= events[i].begin && at < events[i].end;
		unannounced += !is_announced;
	}
	return __real_pn_sys_unmap(addr, size);
}

/* Returns how many announcements there were of the byte at @ptr. */
static size_t heard_of(const void *ptr)
{
	size_t count = 0;

	for (size_t i = 0; i < event_count; i++)
		count += (const char *)ptr >= events[i].begin && (const char *)ptr < events[i].end;
	return count;
}

static void configure(const char *text)
{
	ck_assert_int_eq(setenv("PINNED_CONF", text, 1), 0);
	pinned_free(pinned_malloc(1));
	is_watching = true;
}

static void *filled(size_t size)
{
	void *object = pinned_malloc(size);

	ck_assert_ptr_nonnull(object);
	return memset(object, 1, size);
}

START_TEST(purge_announces_each_range_once)
{
	char *a, *b;

	configure("backend:anon");
	a = filled(SIZE);
	b = filled(SIZE);
	pinned_free(a);
	ck_assert_uint_eq(event_count, 0);
	ck_assert_uint_ge(pinned_purge(), SIZE);
	ck_assert_uint_eq(event_count, 1);
	ck_assert(heard_of(a) == 1 && heard_of(a + SIZE - 1) == 1 && !heard_of(b));
	pinned_free(b);
	pinned_purge();
	ck_assert(heard_of(a) == 1 && heard_of(b) == 1 && heard_of(b + SIZE - 1) == 1);
	ck_assert_uint_eq(unannounced, 0);
}
END_TEST

START_TEST(free_realloc_and_a_limit_announce_and_keep_errno)
{
	char *a, *b;

	configure("backend:anon,decay_ms:0,limit:16M");
	a = filled(SIZE);
	errno = 0;
	pinned_free(a);
	ck_assert_int_eq(errno, 0);
	ck_assert_uint_eq(heard_of(a), 1);
	event_count = 0;
	a = filled(SIZE);
	b = pinned_realloc(a, PINNED_CHUNK_SIZE + 1);
	ck_assert_ptr_eq(a, b);
	ck_assert(heard_of(a + SIZE - 1) == 1 && !heard_of(a));
	ck_assert_ptr_null(pinned_malloc(16 << 20));
	ck_assert_int_eq(errno, ENOMEM);
	pinned_free(b);
	ck_assert_uint_eq(unannounced, 0);
}
END_TEST

START_TEST(a_destroyed_heap_and_raw_chunks_are_announced)
{
	struct pinned_heap *heap;
	char *object, *chunks;

	configure("backend:anon");
	heap = pinned_heap_create(NULL);
	ck_assert_ptr_nonnull(heap);
	object = pinned_heap_malloc(heap, SIZE);
	ck_assert_ptr_nonnull(object);
	ck_assert_ptr_nonnull(pinned_heap_malloc(heap, 100));
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
	ck_assert(heard_of(object) == 1 && heard_of(object + SIZE - 1) == 1);
	chunks = pinned_chunks_alloc(NULL, 4, PINNED_CHUNK_SIZE, 0, NULL, NULL);
	event_count = 0;
	ck_assert_int_eq(pinned_chunks_free(chunks, 4), 0);
	pinned_purge();
	ck_assert(event_count == 1 && heard_of(chunks) == 1);
	ck_assert_uint_eq(unannounced, 0);
}
END_TEST

static char *taken_meanwhile;

static void *take(void *nothing)
{
	(void)nothing;
	taken_meanwhile = pinned_malloc(SIZE);
	return NULL;
}

static void take_in_other_thread(char *begin, size_t size)
{
	pthread_t thread;

	(void)begin;
	(void)size;
	ck_assert_int_eq(pthread_create(&thread, NULL, take, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(nobody_gets_a_range_while_it_is_announced)
{
	char *object;

	configure("backend:anon");
	object = filled(SIZE);
	pinned_free(object);
	meanwhile = take_in_other_thread;
	pinned_purge();
	ck_assert_ptr_nonnull(taken_meanwhile);
	ck_assert(taken_meanwhile >= object + SIZE || taken_meanwhile + SIZE <= object);
	memset(taken_meanwhile, 2, SIZE);
	pinned_free(taken_meanwhile);
}
END_TEST

static struct pinned_heap *other_heap;
static bool is_in_child;

static void do_everything(char *begin, size_t size)
{
	void *objects[] = { filled(10), filled(100000), filled(SIZE) };
	void *mapped = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	ck_assert_uint_eq(pinned_v2p(begin), PINNED_NO_PHYS);
	for (size_t i = 0; i < 3; i++)
		pinned_free(objects[i]);
	ck_assert_int_eq(munmap(mapped, size), 0);
	ck_assert_uint_eq(pinned_purge(), 0);
	ck_assert_int_eq(pinned_heap_destroy(other_heap), -1);
	ck_assert_int_eq(errno, EBUSY);
	child = fork();
	if (!child) {
		pinned_free(filled(SIZE));
		meanwhile = NULL;
		is_in_child = true;
		return;
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

START_TEST(the_interceptor_allocates_frees_maps_and_forks)
{
	char *object;
	size_t count;

	configure("backend:anon,decay_ms:0");
	other_heap = pinned_heap_create(NULL);
	object = filled(SIZE);
	meanwhile = do_everything;
	pinned_free(object);
	/* The child that was forked meanwhile continues here too, and counts anew. */
	object = filled(SIZE);
	for (size_t i = 0; i < SIZE; i += 4096)
		ck_assert_int_eq(object[i], 1);
	count = event_count;
	if (is_in_child) {
		pinned_free(object);
		pinned_purge();
		end_child(event_count > count ? 0 : 1);
	}
	meanwhile = NULL;
	pinned_free(object);
	ck_assert_int_eq(pinned_heap_destroy(other_heap), 0);
	ck_assert_uint_eq(unannounced, 0);
}
END_TEST

START_TEST(a_child_announces_what_it_inherited)
{
	char *large, *chunks, *small[600];
	int status;
	pid_t child;

	configure("backend:anon");
	large = filled(SIZE);
	chunks = pinned_chunks_alloc(NULL, 2, PINNED_CHUNK_SIZE, 0, NULL, NULL);
	for (size_t i = 0; i < 600; i++)
		small[i] = filled(8000);
	child = fork();
	if (!child) {
		event_count = 0;
		pinned_free(large);
		ck_assert_uint_eq(heard_of(large + SIZE - 1), 1);
		ck_assert_int_eq(pinned_chunks_free(chunks, 2), 0);
		ck_assert_uint_eq(heard_of(chunks), 1);
		for (size_t i = 0; i < 600; i++)
			pinned_free(small[i]);
		pinned_purge();
		ck_assert_uint_ge(heard_of(small[300]), 1);
		end_child(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(large[SIZE - 1], 1);
}
END_TEST

static void *churn(void *nothing)
{
	unsigned int seed = 1;

	for (int i = 0; i < 300; i++) {
		char *object = pinned_malloc((size_t)rand_r(&seed) % (8 << 20));

		if (object)
			object[0] = 1;
		pinned_free(object);
		if (i % 50 == 0)
			pinned_purge();
	}
	return nothing;
}

static void churn_a_little(char *begin, size_t size)
{
	(void)begin;
	(void)size;
	pinned_free(pinned_malloc(1 << 20));
}

START_TEST(threads_give_back_at_once)
{
	pthread_t threads[4];

	configure("backend:anon,decay_ms:0,limit:64M");
	is_watching = false;
	meanwhile = churn_a_little;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, NULL), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	meanwhile = NULL;
	pinned_purge();
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, purge_announces_each_range_once);
	tcase_add_test(tcase, free_realloc_and_a_limit_announce_and_keep_errno);
	tcase_add_test(tcase, a_destroyed_heap_and_raw_chunks_are_announced);
	tcase_add_test(tcase, nobody_gets_a_range_while_it_is_announced);
	tcase_add_test(tcase, the_interceptor_allocates_frees_maps_and_forks);
	tcase_add_test(tcase, a_child_announces_what_it_inherited);
	tcase_add_test(tcase, threads_give_back_at_once);
}

int main(void)
{
	return run_suite("memory_is_announced_before_it_goes", add);
}

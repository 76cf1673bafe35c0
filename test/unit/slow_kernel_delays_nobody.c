// SPDX-License-Identifier: MIT
/*
 * Protects the other threads, and later calls, from a kernel that needs long to provide memory or
 * to take it back. While one thread waits for the kernel, the others allocate and free objects of
 * every size, and fork. One call gives back a few chunks only, whatever a program has freed before
 * (Faults E22, E23).
 *
 * Functions of this file replace the library's system calls. They can stop a call that obtains or
 * gives back much memory until the test lets the call go on, and they tell the time.
 * Wraps: pn_sys_map pn_sys_unmap pn_sys_now_ms
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena/arena.h"
#include "os/sys.h"
#include "pinned.h"
#include "suite.h"

#define HUGE ((size_t)80 << 20)
#define MUCH ((size_t)32 << 20)
#define IN_USE (10 * HUGE)
#define MOST_IN_ONE_CALL (4 * PN_CHUNK_SIZE)

enum { NOTHING, MAPPING, UNMAPPING };
static int to_stop;
static bool must_fail;
static sem_t is_stopped, may_go_on;
static uint64_t now_ms = 1000;
static size_t unmapped;

int __wrap_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);
bool __wrap_pn_sys_unmap(void *addr, size_t size);
uint64_t __wrap_pn_sys_now_ms(void);
int __real_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);
bool __real_pn_sys_unmap(void *addr, size_t size);

static void stop(int kind, size_t size)
{
	if (size < MUCH || __atomic_load_n(&to_stop, __ATOMIC_RELAXED) != kind)
		return;
	ck_assert_int_eq(sem_post(&is_stopped), 0);
	while (sem_wait(&may_go_on))
		ck_assert_int_eq(errno, EINTR);
}

int __wrap_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset)
{
	stop(MAPPING, size);
	if (must_fail && size >= MUCH)
		return ENOMEM;
	return __real_pn_sys_map(addr, size, flags, fd, offset);
}

bool __wrap_pn_sys_unmap(void *addr, size_t size)
{
	stop(UNMAPPING, size);
	__atomic_fetch_add(&unmapped, size, __ATOMIC_RELAXED);
	return __real_pn_sys_unmap(addr, size);
}

uint64_t __wrap_pn_sys_now_ms(void)
{
	return now_ms;
}

static uint64_t chunk_bytes(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(pinned_stats(&stats), 0);
	return stats.chunk_bytes;
}

/* Allocates, fills and frees objects of every kind; some of them need new chunks. */
static void use_every_size(void)
{
	char *objects[80];
	size_t count = 0;

	for (size_t size = 8; size <= 3 * PN_CHUNK_SIZE; size += size / 4 + 8) {
		ck_assert_uint_lt(count, 80);
		objects[count] = pinned_malloc(size);
		ck_assert_ptr_nonnull(objects[count]);
		memset(objects[count], (int)count, size);
		objects[count] = pinned_realloc(objects[count], size + size / 2);
		ck_assert_ptr_nonnull(objects[count]);
		count++;
	}
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(objects[i][7], (int)i);
		pinned_free(objects[i]);
	}
}

static void *get_much(void *unused)
{
	(void)unused;
	return pinned_malloc(HUGE);
}

/* Leaves many idle chunks side by side: fewer than an eighth of those that are in use. */
static void keep_much_idle(void)
{
	void *objects[8];

	ck_assert_ptr_nonnull(pinned_malloc(IN_USE));
	for (size_t i = 0; i < 8; i++)
		objects[i] = pinned_malloc(HUGE / 8);
	for (size_t i = 0; i < 8; i++)
		pinned_free(objects[i]);
}

static void *give_much(void *unused)
{
	(void)unused;
	pinned_purge();
	return NULL;
}

/* Starts a thread that stops in the kernel. A test that then waits for a lock ends by SIGALRM. */
static pthread_t start(void *(*function)(void *unused))
{
	pthread_t thread;

	alarm(60);
	ck_assert_int_eq(sem_init(&is_stopped, 0, 0), 0);
	ck_assert_int_eq(sem_init(&may_go_on, 0, 0), 0);
	pinned_free(pinned_malloc(1));
	ck_assert_int_eq(pthread_create(&thread, NULL, function, NULL), 0);
	while (sem_wait(&is_stopped))
		ck_assert_int_eq(errno, EINTR);
	return thread;
}

static void *finish(pthread_t thread)
{
	void *result;

	__atomic_store_n(&to_stop, NOTHING, __ATOMIC_RELAXED);
	ck_assert_int_eq(sem_post(&may_go_on), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	return result;
}

START_TEST(others_allocate_while_one_obtains_memory)
{
	char *huge, *other;
	pthread_t thread;

	to_stop = MAPPING;
	thread = start(get_much);
	use_every_size();
	/* Another large object must not be where the first one will be. */
	other = pinned_malloc(10 * PN_CHUNK_SIZE);
	ck_assert_ptr_nonnull(other);
	memset(other, 1, 10 * PN_CHUNK_SIZE);
	huge = finish(thread);
	ck_assert_ptr_nonnull(huge);
	memset(huge, 2, HUGE);
	/* All bytes are still 1. */
	ck_assert_int_eq(other[0], 1);
	ck_assert_int_eq(memcmp(other, other + 1, 10 * PN_CHUNK_SIZE - 1), 0);
	pinned_free(other);
	pinned_free(huge);
	use_every_size();
}
END_TEST

START_TEST(others_allocate_while_one_obtains_nothing)
{
	uint64_t before;
	pthread_t thread;

	use_every_size();
	before = chunk_bytes();
	to_stop = MAPPING;
	must_fail = true;
	thread = start(get_much);
	use_every_size();
	ck_assert_ptr_null(finish(thread));
	ck_assert_uint_le(chunk_bytes(), before + 8 * PN_CHUNK_SIZE);
	must_fail = false;
	pinned_free(get_much(NULL));
	use_every_size();
}
END_TEST

START_TEST(the_limit_counts_what_is_on_its_way)
{
	pthread_t thread;
	char *huge;

	ck_assert_int_eq(setenv("PINNED_CONF", "backend:anon,limit:100M", 1), 0);
	to_stop = MAPPING;
	thread = start(get_much);
	ck_assert_ptr_null(pinned_malloc(20 * PN_CHUNK_SIZE));
	huge = finish(thread);
	ck_assert_ptr_nonnull(huge);
	ck_assert_uint_le(chunk_bytes(), (uint64_t)100 << 20);
	pinned_free(huge);
	pinned_free(pinned_malloc(20 * PN_CHUNK_SIZE));
}
END_TEST

START_TEST(others_allocate_while_one_gives_back)
{
	pthread_t thread;
	void *huge;

	keep_much_idle();
	to_stop = UNMAPPING;
	thread = start(give_much);
	use_every_size();
	/* Its addresses are still being unmapped, so this object is somewhere else. */
	huge = get_much(NULL);
	memset(huge, 3, HUGE);
	finish(thread);
	pinned_free(huge);
	use_every_size();
}
END_TEST

START_TEST(a_child_forked_meanwhile_allocates)
{
	pthread_t thread;
	pid_t child;
	int status;
	char *huge;

	to_stop = MAPPING;
	thread = start(get_much);
	child = fork();
	if (!child) {
		to_stop = NOTHING;
		use_every_size();
		huge = get_much(NULL);
		end_child(!huge || !memset(huge, 4, HUGE));
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	huge = finish(thread);
	ck_assert_ptr_nonnull(huge);
	pinned_free(huge);
	use_every_size();
}
END_TEST

START_TEST(one_call_gives_back_a_few_chunks)
{
	size_t calls = 0, before;

	ck_assert_int_eq(setenv("PINNED_CONF", "backend:anon,decay_ms:100", 1), 0);
	keep_much_idle();
	pinned_free(pinned_malloc(1));
	before = chunk_bytes();
	ck_assert_uint_ge(before, IN_USE + HUGE);
	now_ms += 1000;
	for (; chunk_bytes() > IN_USE + MUCH / 2; calls++) {
		void *object;

		ck_assert_uint_lt(calls, 200);
		unmapped = 0;
		object = pinned_malloc(2 * PN_CHUNK_SIZE);
		ck_assert_uint_le(unmapped, MOST_IN_ONE_CALL);
		unmapped = 0;
		pinned_free(object);
		ck_assert_uint_le(unmapped, MOST_IN_ONE_CALL);
	}
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, others_allocate_while_one_obtains_memory);
	tcase_add_test(tcase, others_allocate_while_one_obtains_nothing);
	tcase_add_test(tcase, the_limit_counts_what_is_on_its_way);
	tcase_add_test(tcase, others_allocate_while_one_gives_back);
	tcase_add_test(tcase, a_child_forked_meanwhile_allocates);
	tcase_add_test(tcase, one_call_gives_back_a_few_chunks);
}

int main(void)
{
	return run_suite("slow_kernel_delays_nobody", add);
}

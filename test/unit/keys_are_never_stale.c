// SPDX-License-Identifier: MIT
/*
 * Protects registrars: a chunk is registered before its key is known, once, and is withdrawn before
 * its memory goes and before the announcement that libraries intercept; no function of a registrar
 * is called under a lock of the library. The functions of this file stand for a registrar. They
 * fail, allocate, free, fork, and do not return for long. A forked child gets no key of its parent.
 * Wraps: madvise pn_sys_unmap pn_sys_wait
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "arena/arena.h"
#include "chunk/registrar.h"
#include "os/sys.h"
#include "os/thread.h"
#include "pinned.h"
#include "suite.h"

#define CHUNK PINNED_CHUNK_SIZE
#define SLOTS 4096
#define THREADS 4

/* What is registered, by slot; the key of a slot is the slot's number + 7. */
static uint32_t registered[SLOTS];
static uint32_t adds, removes, stale, inside;
static int fails_with;
/* What the functions do beside their work. */
static void (*meanwhile)(char *addr);

int __real_madvise(void *addr, size_t size, int advice);
int __wrap_madvise(void *addr, size_t size, int advice);
bool __real_pn_sys_unmap(void *addr, size_t size);
bool __wrap_pn_sys_unmap(void *addr, size_t size);

static void set_meanwhile(void (*function)(char *addr))
{
	__atomic_store_n(&meanwhile, function, __ATOMIC_SEQ_CST);
}

static size_t slot_of(const void *addr)
{
	return pn_arena_offset(addr) >> PN_CHUNK_SHIFT;
}

/* Counts registered chunks in a range that is about to go. */
static void check(const void *addr, size_t size)
{
	if (!pn_arena_has(addr))
		return;
	for (size_t slot = slot_of(addr); slot < slot_of(addr) + size / CHUNK; slot++)
		if (slot < SLOTS)
			__atomic_fetch_add(&stale,
					   __atomic_load_n(&registered[slot], __ATOMIC_SEQ_CST),
					   __ATOMIC_SEQ_CST);
}

int __wrap_madvise(void *addr, size_t size, int advice)
{
	check(addr, size);
	return __real_madvise(addr, size, advice);
}

bool __wrap_pn_sys_unmap(void *addr, size_t size)
{
	check(addr, size);
	return __real_pn_sys_unmap(addr, size);
}

static void interfere(char *addr)
{
	void (*function)(char *addr) = __atomic_load_n(&meanwhile, __ATOMIC_SEQ_CST);

	if (function)
		function(addr);
}

static int add_key(void *ctx, void *addr, size_t len, uint64_t *key)
{
	size_t slot = slot_of(addr);

	ck_assert_ptr_eq(ctx, registered);
	ck_assert(len == CHUNK && addr == pn_arena_slot_at(slot) && slot < SLOTS);
	ck_assert(!pn_lock_thread.held && pn_sys_is_mapped(addr));
	__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
	interfere(addr);
	__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
	errno = EBADMSG;
	if (fails_with)
		return fails_with;
	ck_assert_uint_eq(__atomic_exchange_n(&registered[slot], 1, __ATOMIC_SEQ_CST), 0);
	__atomic_fetch_add(&adds, 1, __ATOMIC_SEQ_CST);
	*key = slot + 7;
	return 0;
}

static void remove_key(void *ctx, void *addr, size_t len, uint64_t key)
{
	ck_assert_ptr_eq(ctx, registered);
	ck_assert(len == CHUNK && key == slot_of(addr) + 7 && !pn_lock_thread.held);
	ck_assert(pn_sys_is_mapped(addr));
	__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
	interfere(addr);
	__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
	errno = EBADMSG;
	ck_assert_uint_eq(__atomic_exchange_n(&registered[slot_of(addr)], 0, __ATOMIC_SEQ_CST), 1);
	__atomic_fetch_add(&removes, 1, __ATOMIC_SEQ_CST);
}

static struct pinned_registrar *begin(const char *configuration)
{
	struct pinned_registrar *registrar;

	ck_assert_int_eq(setenv("PINNED_CONF", configuration, 1), 0);
	registrar = pinned_watch(add_key, remove_key, registered);
	ck_assert_ptr_nonnull(registrar);
	return registrar;
}

static void end(struct pinned_registrar *registrar)
{
	ck_assert_int_eq(pinned_unwatch(registrar), 0);
	ck_assert_uint_eq(adds, removes);
	ck_assert_uint_eq(stale, 0);
}

/* Checks that a pointer has the key that it must have. */
static void expect_key(struct pinned_registrar *registrar, const char *ptr)
{
	uint64_t key = 0;

	errno = 0;
	ck_assert_int_eq(pinned_key(registrar, ptr, &key),
			 (long)(CHUNK - (pn_arena_offset(ptr) & PN_CHUNK_MASK)));
	ck_assert_int_eq(errno, 0);
	ck_assert_uint_eq(key, slot_of(ptr) + 7);
	ck_assert_uint_eq(__atomic_load_n(&registered[slot_of(ptr)], __ATOMIC_SEQ_CST), 1);
}

static void expect_error(struct pinned_registrar *registrar, const void *ptr, int error)
{
	uint64_t key = 1234;

	errno = 0;
	ck_assert_int_eq(pinned_key(registrar, ptr, &key), -1);
	ck_assert_int_eq(errno, error);
	ck_assert_uint_eq(key, 1234);
}

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

static struct pinned_registrar *current;

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

static sem_t entered, may_leave;

static void stay(char *addr)
{
	(void)addr;
	set_meanwhile(NULL);
	sem_post(&entered);
	while (sem_wait(&may_leave))
		;
}

/* What this thread lets another thread do as soon as it waits itself. */
static __thread sem_t *when_waiting;

void __real_pn_sys_wait(const uint32_t *word, uint32_t value);
void __wrap_pn_sys_wait(const uint32_t *word, uint32_t value);

void __wrap_pn_sys_wait(const uint32_t *word, uint32_t value)
{
	if (when_waiting)
		sem_post(when_waiting);
	when_waiting = NULL;
	__real_pn_sys_wait(word, value);
}

static void *want_key(void *object)
{
	expect_key(current, object);
	return NULL;
}

START_TEST(threads_that_want_the_same_key_wait)
{
	pthread_t threads[THREADS];
	char *object;

	ck_assert(!sem_init(&entered, 0, 0) && !sem_init(&may_leave, 0, 0));
	current = begin("backend:anon");
	object = pinned_malloc(CHUNK + 1);
	set_meanwhile(stay);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, want_key, object), 0);
	while (sem_wait(&entered))
		;
	sem_post(&may_leave);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_eq(adds, 1);
	end(current);
}
END_TEST

/* The heap may be destroyed, and the key removed, as soon as the key is made. */
static void *make_key(void *object)
{
	uint64_t key;

	ck_assert_int_eq(pinned_key(current, object, &key), (long)CHUNK);
	return NULL;
}

static void *destroy(void *heap)
{
	when_waiting = &may_leave;
	ck_assert_int_eq(pinned_heap_destroy(heap), 0);
	ck_assert_ptr_null(when_waiting);
	return NULL;
}

/* The object that a key is being made for is freed meanwhile, against the rules. */
START_TEST(a_function_that_does_not_return_holds_up_its_chunk_alone)
{
	struct pinned_heap *heap;
	pthread_t thread, destroyer;
	char *object, *other;

	ck_assert(!sem_init(&entered, 0, 0) && !sem_init(&may_leave, 0, 0));
	current = begin("backend:anon,decay_ms:0");
	heap = pinned_heap_create(NULL);
	object = pinned_heap_malloc(heap, CHUNK + 1);
	other = pinned_malloc(CHUNK + 1);
	set_meanwhile(stay);
	ck_assert_int_eq(pthread_create(&thread, NULL, make_key, object), 0);
	while (sem_wait(&entered))
		;
	expect_key(current, other);
	expect_key(current, object + CHUNK);
	pinned_free(object);
	pinned_purge();
	ck_assert(!registered[slot_of(object + CHUNK)] && pn_sys_is_mapped(object));
	pinned_free(other);
	/* Destroying the heap waits for the key. */
	ck_assert_int_eq(pthread_create(&destroyer, NULL, destroy, heap), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(pthread_join(destroyer, NULL), 0);
	end(current);
}
END_TEST

static void *purge(void *nothing)
{
	pinned_purge();
	return nothing;
}

static void *unwatch(void *nothing)
{
	when_waiting = &may_leave;
	ck_assert_int_eq(pinned_unwatch(current), 0);
	ck_assert_ptr_null(when_waiting);
	ck_assert_uint_eq(__atomic_load_n(&inside, __ATOMIC_SEQ_CST), 0);
	return nothing;
}

START_TEST(unwatch_waits_for_functions_of_other_threads)
{
	pthread_t threads[2];
	char *object, *kept;

	ck_assert(!sem_init(&entered, 0, 0) && !sem_init(&may_leave, 0, 0));
	current = begin("backend:anon");
	object = pinned_malloc(CHUNK + 1);
	kept = pinned_malloc(CHUNK + 1);
	expect_key(current, object);
	expect_key(current, kept);
	pinned_free(object);
	set_meanwhile(stay);
	ck_assert_int_eq(pthread_create(&threads[0], NULL, purge, NULL), 0);
	while (sem_wait(&entered))
		;
	ck_assert_int_eq(pthread_create(&threads[1], NULL, unwatch, NULL), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert(adds == 2 && removes == 2 && !stale);
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
	tcase_add_test(tcase, threads_that_want_the_same_key_wait);
	tcase_add_test(tcase, a_function_that_does_not_return_holds_up_its_chunk_alone);
	tcase_add_test(tcase, unwatch_waits_for_functions_of_other_threads);
	tcase_add_test(tcase, threads_churn);
}

int main(void)
{
	return run_suite("keys_are_never_stale", add);
}

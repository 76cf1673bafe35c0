// SPDX-License-Identifier: MIT
/*
 * Protects programs from a registrar whose function does not return for long: threads that want the
 * same key, the destruction of the heap, and pinned_unwatch() wait for it; all other calls, a fork
 * and the exit do not.
 * Wraps: madvise pn_sys_unmap pn_sys_wait
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>

#include "registrar.h"

static sem_t entered, may_leave;

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore))
		;
}

static void stay(char *addr)
{
	(void)addr;
	set_meanwhile(NULL);
	sem_post(&entered);
	wait_for(&may_leave);
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

	current = begin("backend:anon");
	object = pinned_malloc(CHUNK + 1);
	set_meanwhile(stay);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, want_key, object), 0);
	wait_for(&entered);
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

	current = begin("backend:anon,decay_ms:0");
	heap = pinned_heap_create(NULL);
	object = pinned_heap_malloc(heap, CHUNK + 1);
	other = pinned_malloc(CHUNK + 1);
	set_meanwhile(stay);
	ck_assert_int_eq(pthread_create(&thread, NULL, make_key, object), 0);
	wait_for(&entered);
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

/* The thread is still in the function when this test's process exits. */
START_TEST(neither_a_fork_nor_the_exit_waits_for_a_function)
{
	struct pinned_registrar *own;
	pthread_t thread;
	char *object, *mine;
	int status;
	pid_t child;

	current = begin("backend:anon");
	object = pinned_malloc(CHUNK + 1);
	set_meanwhile(stay);
	ck_assert_int_eq(pthread_create(&thread, NULL, make_key, object), 0);
	wait_for(&entered);
	child = fork();
	if (!child) {
		expect_error(current, object, ECHILD);
		ck_assert_int_eq(pinned_unwatch(current), 0);
		own = begin("");
		mine = pinned_malloc(CHUNK + 1);
		expect_key(own, mine);
		pinned_free(mine);
		ck_assert_int_eq(pinned_unwatch(own), 0);
		end_child(adds == 1 && removes == 1 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
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

	current = begin("backend:anon");
	object = pinned_malloc(CHUNK + 1);
	kept = pinned_malloc(CHUNK + 1);
	expect_key(current, object);
	expect_key(current, kept);
	pinned_free(object);
	set_meanwhile(stay);
	ck_assert_int_eq(pthread_create(&threads[0], NULL, purge, NULL), 0);
	wait_for(&entered);
	ck_assert_int_eq(pthread_create(&threads[1], NULL, unwatch, NULL), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert(adds == 2 && removes == 2 && !stale);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, threads_that_want_the_same_key_wait);
	tcase_add_test(tcase, a_function_that_does_not_return_holds_up_its_chunk_alone);
	tcase_add_test(tcase, neither_a_fork_nor_the_exit_waits_for_a_function);
	tcase_add_test(tcase, unwatch_waits_for_functions_of_other_threads);
}

int main(void)
{
	return run_suite("slow_registrars_delay_nobody_else", add);
}

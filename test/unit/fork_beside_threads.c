// SPDX-License-Identifier: MIT
/*
 * Protects programs that fork while other threads are in the library: fork never waits, and the
 * child can use everything that it inherited. While threads allocate and free memory, purge, start
 * and end, create and destroy heaps, resize and retain objects and read statistics, the process
 * forks: by fork(), which runs handlers, by a bare clone(), and in a signal handler that interrupts
 * these operations and returns into them. Each child checks all tables that it inherited, then
 * reads, resizes and frees its objects, allocates, and does the same in a child of its own (Faults
 * E6, E7, B12).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front/heaps.h"
#include "front/tcache.h"
#include "object/medium.h"
#include "object/retain.h"
#include "os/child.h"
#include "pinned.h"
#include "suite.h"

#if defined(__SANITIZE_ADDRESS__)
#define PN_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PN_ADDRESS_SANITIZER
#endif
#endif

#define OBJECTS 120
#define FORKS 16
#define SIGNALS 40

/*
 * A check for children. Assertions of the Check library take a lock, so a child must not use them.
 */
#define CHILD_CHECK(condition) ((condition) ? (void)0 : child_failed(__LINE__, #condition))

static _Noreturn void child_failed(int line, const char *what)
{
	dprintf(STDERR_FILENO, "fork_beside_threads.c:%d: in a child: expected: %s\n", line, what);
	_exit(1);
}

static atomic_bool is_over;

static unsigned long random_of(unsigned long *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* What threads do. */

static void use_sizes(void **objects, unsigned long *seed)
{
	size_t at = random_of(seed) % 32;
	size_t size = 1 + random_of(seed) % (random_of(seed) % 8 ? 5000 : 6000000);

	pinned_free(objects[at]);
	objects[at] = pinned_malloc(size);
	if (objects[at])
		objects[at] = pinned_realloc(objects[at], 1 + random_of(seed) % (2 * size));
}

static void *change_sizes(void *arg)
{
	unsigned long seed = (unsigned long)(uintptr_t)arg;
	void *objects[32] = { 0 };

	while (!atomic_load(&is_over)) {
		use_sizes(objects, &seed);
		if (!(random_of(&seed) % 16))
			pinned_purge();
	}
	for (size_t i = 0; i < 32; i++)
		pinned_free(objects[i]);
	return NULL;
}

static void *use_heaps(void *arg)
{
	while (!atomic_load(&is_over)) {
		struct pinned_heap *heap = pinned_heap_create(NULL);
		void *small = pinned_heap_malloc(heap, 100), *large;

		large = pinned_heap_malloc(heap, 100000);
		pinned_free(small);
		pinned_free(large);
		pinned_heap_destroy(heap);
	}
	return arg;
}

static void *retain(void *arg)
{
	int null = open("/dev/null", O_WRONLY);

	while (!atomic_load(&is_over)) {
		void *object = pinned_malloc(300), *chunks;

		for (int i = 0; i < 200; i++)
			pinned_retain(object);
		pinned_free(object);
		for (int i = 0; i < 200; i++)
			pinned_release(object);
		chunks = pinned_chunks_alloc(NULL, 2, PINNED_CHUNK_SIZE, 0, NULL, NULL);
		if (chunks)
			pinned_chunks_free(chunks, 2);
		pinned_dump(null);
	}
	close(null);
	return arg;
}

static void *live_shortly(void *arg)
{
	pinned_free(pinned_malloc(64));
	return arg;
}

static void *bear_threads(void *arg)
{
	while (!atomic_load(&is_over)) {
		pthread_t thread;

		if (!pthread_create(&thread, NULL, live_shortly, NULL))
			pthread_join(thread, NULL);
	}
	return arg;
}

static void *(*const activities[])(void *) = { change_sizes, change_sizes, use_heaps, retain,
					       bear_threads };
#define ACTIVITIES (sizeof(activities) / sizeof(*activities))

static void start(pthread_t *threads)
{
	atomic_store(&is_over, false);
	for (size_t i = 0; i < ACTIVITIES; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, activities[i], (void *)(i + 1)),
				 0);
}

static void stop(const pthread_t *threads)
{
	atomic_store(&is_over, true);
	for (size_t i = 0; i < ACTIVITIES; i++)
		pthread_join(threads[i], NULL);
}

/* What each child checks. */

/* Checks that a child which has just reset its inherited state owns no chunk, slab or cache yet. */
static void check_is_new(void)
{
	struct pn_heap *heap;

	CHILD_CHECK(!pn_child_is_new());
	pn_heaps_for_each(heap) {
		CHILD_CHECK(heap->pool.backend && !heap->pool.is_open);
		CHILD_CHECK(!heap->stats.chunks && !heap->empty.first && !heap->empty.last);
		for (size_t i = 0; i < PN_PAGE_RUN_ORDERS; i++)
			CHILD_CHECK(!heap->partial[i].first);
		for (size_t i = 0; i < PN_CLASSES; i++)
			CHILD_CHECK(!heap->centrals[i].lock.word && !heap->centrals[i].partial &&
				    !heap->centrals[i].out);
	}
	CHILD_CHECK(!pn_tcache_bytes() && !pn_retain_bytes());
}

static void check_record(const struct pn_slab *slab, size_t slot)
{
	size_t end = slab->offset + (size_t)slab->count * slab->pitch;

	CHILD_CHECK(slab->epoch <= pn_arena.epoch && slab->heap);
	CHILD_CHECK(slab->offset >> PN_CHUNK_SHIFT == slot);
	if (slab->pages)
		end = slab->offset + slab->size;
	else
		CHILD_CHECK(slab->class < PN_CLASSES && slab->size == pn_classes[slab->class].size);
	CHILD_CHECK((end - 1) >> PN_CHUNK_SHIFT == slot);
	for (size_t i = 0; i < slab->count; i++)
		CHILD_CHECK(slab->state[i] <= PN_OBJECT_FREED ||
			    slab->state[i] >= PN_RETAINED_ONCE);
}

/* Checks that every slab record which a child can reach by the tables is complete. */
static void check_tables(void)
{
	for (size_t slot = 0; slot < pn_arena_slot_count(); slot++) {
		CHILD_CHECK(!pn_arena.phys[slot]);
		if (pn_arena.slots[slot].state != PN_SLOT_PAGES)
			continue;
		for (size_t page = 0; page < PN_CHUNK_PAGES; page++) {
			size_t offset = (slot << PN_CHUNK_SHIFT) + (page << PN_PAGE_SHIFT);
			const struct pn_slab *slab = pn_slab_at(offset);

			if (slab && !pn_medium_is_freed_mark(slab))
				check_record(slab, slot);
		}
	}
}

static unsigned char *objects[OBJECTS];
static struct pinned_heap *kept_heap;

static size_t size_of(int i)
{
	return i % 40 == 39 ? (3 << 20) + (size_t)i : 1 + (size_t)i * (size_t)i * 7;
}

static void make_objects(void)
{
	kept_heap = pinned_heap_create(NULL);
	for (int i = 0; i < OBJECTS; i++) {
		objects[i] = i % 10 ? pinned_malloc(size_of(i))
				    : pinned_heap_malloc(kept_heap, size_of(i));
		memset(objects[i], i, size_of(i));
	}
}

static bool is_intact(int i)
{
	return objects[i][0] == (unsigned char)i && objects[i][size_of(i) - 1] == (unsigned char)i;
}

static void free_objects(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		CHILD_CHECK(is_intact(i));
		if (i % 3 == 0) {
			objects[i] = pinned_realloc(objects[i], 2 * size_of(i));
			CHILD_CHECK(objects[i] && is_intact(i));
		}
	}
	for (int i = 0; i < OBJECTS; i++)
		pinned_free(objects[i]);
}

static void allocate(void)
{
	struct pinned_heap *heap = pinned_heap_create(NULL);

	CHILD_CHECK(heap);
	for (int i = 0; i < OBJECTS; i++) {
		objects[i] = i % 10 ? pinned_malloc(size_of(i))
				    : pinned_heap_malloc(i % 20 ? kept_heap : heap, size_of(i));
		CHILD_CHECK(objects[i]);
		CHILD_CHECK(pn_arena.slots[pn_arena_offset(objects[i]) >> PN_CHUNK_SHIFT].epoch ==
			    pn_arena.epoch);
		memset(objects[i], i, size_of(i));
	}
	for (int i = 0; i < OBJECTS; i++)
		CHILD_CHECK(is_intact(i));
}

static bool ended_well(pid_t pid)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	return pid > 0 && got == pid && status == 0;
}

/*
 * Runs the checks of a child, and then those of @generations descendants, each forked by the one
 * before. @is_new: the child has not called the library yet.
 */
static void live_as_child(int generations, bool is_new)
{
	struct pinned_stats stats = { .size = sizeof(stats) };
	pid_t pid = 0;

	for (; !pid && generations >= 0; generations--) {
		alarm(100);
		CHILD_CHECK(!pinned_stats(&stats));
		if (is_new)
			check_is_new();
		is_new = true;
		check_tables();
		free_objects();
		allocate();
		if (generations)
			pid = generations % 2 ? fork() : clone_process();
	}
	CHILD_CHECK(!pid || ended_well(pid));
	free_objects();
	pinned_purge();
	end_child(0);
}

/* The tests. */

static void fork_beside_threads(pid_t (*make_child)(void))
{
	pthread_t threads[ACTIVITIES];

	make_objects();
	start(threads);
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = make_child();

		if (!pid)
			live_as_child(i % 4 ? 0 : 2, true);
		ck_assert(ended_well(pid));
	}
	stop(threads);
	for (int i = 0; i < OBJECTS; i++)
		ck_assert(is_intact(i));
}

START_TEST(fork_against_every_slow_path)
{
	fork_beside_threads(fork);
}
END_TEST

START_TEST(clone_against_every_slow_path)
{
	fork_beside_threads(clone_process);
}
END_TEST

/*
 * Not under AddressSanitizer: after the handler its runtime allocates memory in the child, and
 * waits for a lock of its own that another thread held at the fork.
 */
#ifndef PN_ADDRESS_SANITIZER
static pid_t (*make_child_in_handler)(void);
static volatile sig_atomic_t is_child;
static atomic_int handled, last_child;

static void fork_in_handler(int number)
{
	int saved = errno;
	pid_t pid = make_child_in_handler();

	(void)number;
	is_child = !pid;
	atomic_store(&last_child, pid);
	atomic_fetch_add(&handled, 1);
	errno = saved;
}

/* Retains an object more often than the state byte of the object can count. */
static void retain_often(void)
{
	void *object = pinned_malloc(300);

	for (int i = 0; i < 100; i++)
		pinned_retain(object);
	for (int i = 0; i < 100; i++)
		pinned_release(object);
	pinned_free(object);
}

/*
 * The thread that the signal interrupts. In the child it first finishes the interrupted operation.
 */
static void *be_interrupted(void *arg)
{
	unsigned long seed = (unsigned long)(uintptr_t)arg;
	void *mine[32] = { 0 };

	while (!atomic_load(&is_over)) {
		use_sizes(mine, &seed);
		if (!(random_of(&seed) % 8))
			pinned_heap_destroy(pinned_heap_create(NULL));
		if (!(random_of(&seed) % 8))
			pinned_purge();
		retain_often();
		if (!is_child)
			continue;
		for (size_t i = 0; i < 32; i++)
			pinned_free(mine[i]);
		live_as_child(0, false);
	}
	return NULL;
}

static void interrupt(pid_t (*make_child)(void))
{
	struct sigaction action = { .sa_handler = fork_in_handler, .sa_flags = SA_RESTART };
	pthread_t threads[ACTIVITIES], interrupted;

	make_child_in_handler = make_child;
	make_objects();
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	start(threads);
	pthread_create(&interrupted, NULL, be_interrupted, (void *)77);
	for (int i = 0; i < SIGNALS; i++) {
		int before = atomic_load(&handled);

		pthread_kill(interrupted, SIGUSR1);
		while (atomic_load(&handled) == before)
			sched_yield();
		ck_assert(ended_well(atomic_load(&last_child)));
	}
	stop(threads);
	pthread_join(interrupted, NULL);
	for (int i = 0; i < OBJECTS; i++)
		ck_assert(is_intact(i));
}

START_TEST(fork_in_signal_handlers)
{
	interrupt(fork);
}
END_TEST

START_TEST(clone_in_signal_handlers)
{
	interrupt(clone_process);
}
END_TEST
#endif

static void add(TCase *tcase)
{
	tcase_add_test(tcase, fork_against_every_slow_path);
	tcase_add_test(tcase, clone_against_every_slow_path);
#ifndef PN_ADDRESS_SANITIZER
	tcase_add_test(tcase, fork_in_signal_handlers);
	tcase_add_test(tcase, clone_in_signal_handlers);
#endif
}

int main(void)
{
	return run_suite("fork_beside_threads", add);
}

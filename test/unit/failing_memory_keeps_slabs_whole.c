// SPDX-License-Identifier: MIT
/*
 * Protects slabs that change hands when memory is out: while a thread adopts an ended thread's
 * slabs, returns or collects objects that another thread frees, grows or shrinks the heap, or ends
 * with foreign objects in its cache, each request for memory fails once, be it a request to the
 * system, for pages, or for a record or stack of the library. The call then fails with ENOMEM or
 * works, the next try works, no object changes, and all memory goes back (Faults B29).
 * Wraps: pn_sys_map pn_sys_unmap pn_sys_table pn_sys_table_at pn_sys_wipe_on_fork pn_meta_alloc
 * Wraps: pn_pages_take_locked pn_slots_take
 */
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena/arena.h"
#include "chunk/slots.h"
#include "object/owner.h"
#include "os/sys.h"
#include "pinned.h"
#include "suite.h"

#define OBJECTS 600
/* The exit status of a try whose scenario does not reach the point that is to be disturbed. */
#define NO_MORE 77

static unsigned char *objects[OBJECTS];
static pthread_barrier_t barrier;

/* The point number @disturbed fails. Points count from the scenario's begin. */
static unsigned int points, disturbed;
static bool is_counting;
/* How many bytes of chunks the system has given. */
static size_t mapped;

static bool must_fail(void)
{
	return is_counting && ++points == disturbed;
}

int __real_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);
int __wrap_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);
bool __real_pn_sys_unmap(void *addr, size_t size);
bool __wrap_pn_sys_unmap(void *addr, size_t size);
void *__real_pn_sys_table(size_t size);
void *__wrap_pn_sys_table(size_t size);
int __real_pn_sys_table_at(void *addr, size_t size);
int __wrap_pn_sys_table_at(void *addr, size_t size);
bool __real_pn_sys_wipe_on_fork(void *addr, size_t size);
bool __wrap_pn_sys_wipe_on_fork(void *addr, size_t size);

int __wrap_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset)
{
	int err = must_fail() ? ENOMEM : __real_pn_sys_map(addr, size, flags, fd, offset);

	if (!err && pn_arena_has(addr))
		mapped += size;
	return err;
}

/* Only chunks may stay mapped: the library gives other memory back without looking at the result. */
bool __wrap_pn_sys_unmap(void *addr, size_t size)
{
	bool is_chunk = pn_arena_has(addr), is_done;

	if (is_chunk && must_fail())
		return false;
	is_done = __real_pn_sys_unmap(addr, size);
	if (is_chunk && is_done)
		mapped -= size;
	return is_done;
}

void *__wrap_pn_sys_table(size_t size)
{
	return must_fail() ? NULL : __real_pn_sys_table(size);
}

int __wrap_pn_sys_table_at(void *addr, size_t size)
{
	return must_fail() ? ENOMEM : __real_pn_sys_table_at(addr, size);
}

bool __wrap_pn_sys_wipe_on_fork(void *addr, size_t size)
{
	return !must_fail() && __real_pn_sys_wipe_on_fork(addr, size);
}

/* Functions of the library that find no memory. */

void *__real_pn_meta_alloc(size_t size);
void *__wrap_pn_meta_alloc(size_t size);
size_t __real_pn_pages_take_locked(struct pn_heap *heap, size_t count, size_t alignment,
				   bool *is_zeroed);
size_t __wrap_pn_pages_take_locked(struct pn_heap *heap, size_t count, size_t alignment,
				   bool *is_zeroed);
bool __real_pn_slots_take(struct pn_heap *heap, struct pn_slot_run *run);
bool __wrap_pn_slots_take(struct pn_heap *heap, struct pn_slot_run *run);

void *__wrap_pn_meta_alloc(size_t size)
{
	return must_fail() ? NULL : __real_pn_meta_alloc(size);
}

size_t __wrap_pn_pages_take_locked(struct pn_heap *heap, size_t count, size_t alignment,
				   bool *is_zeroed)
{
	return must_fail() ? SIZE_MAX
			   : __real_pn_pages_take_locked(heap, count, alignment, is_zeroed);
}

bool __wrap_pn_slots_take(struct pn_heap *heap, struct pn_slot_run *run)
{
	return !must_fail() && __real_pn_slots_take(heap, run);
}

/* Objects: of many size classes, some medium, and two that take two chunks each. */

static size_t size_of(size_t i)
{
	if (i % 300 == 299)
		return PINNED_CHUNK_SIZE + 1000;
	return i % 50 ? 16 + i * 37 % 1500 : 70000;
}

/* Writes to some bytes of an object, or checks them. */
static void visit(size_t i, unsigned char *bytes, bool must_write)
{
	for (size_t at = 0; at < size_of(i); at += 1 + size_of(i) / 9) {
		if (must_write)
			bytes[at] = (unsigned char)i;
		else if (bytes[at] != (unsigned char)i)
			ck_abort_msg("byte %zu of object %zu has changed", at, i);
	}
}

/* Returns what @allocate returns: at the second try, if memory was out at the first one. */
static void *get(void *(*allocate)(size_t i), size_t i)
{
	void *bytes;

	errno = 0;
	bytes = allocate(i);
	if (!bytes) {
		ck_assert_int_eq(errno, ENOMEM);
		ck_assert(is_counting && points >= disturbed);
		bytes = allocate(i);
		ck_assert_ptr_nonnull(bytes);
	}
	return bytes;
}

static void *allocate_new(size_t i)
{
	return pinned_malloc(size_of(i));
}

static void *allocate_larger(size_t i)
{
	return pinned_realloc(objects[i], 3 * size_of(i));
}

static void make(size_t i)
{
	unsigned char *bytes = get(allocate_new, i);

	ck_assert_ptr_null(objects[i]);
	visit(i, bytes, true);
	objects[i] = bytes;
}

static void grow(size_t i)
{
	objects[i] = get(allocate_larger, i);
	visit(i, objects[i], false);
}

static void drop(size_t i)
{
	unsigned char *bytes = objects[i];

	visit(i, bytes, false);
	objects[i] = NULL;
	errno = E2BIG;
	pinned_free(bytes);
	ck_assert_int_eq(errno, E2BIG);
}

static void *make_missing(void *nothing)
{
	for (size_t i = 0; i < OBJECTS; i++)
		if (!objects[i])
			make(i);
	return nothing;
}

static void *drop_rest(void *nothing)
{
	for (size_t i = 0; i < OBJECTS; i++)
		if (objects[i])
			drop(i);
	return nothing;
}

static void *drop_every_third(void *nothing)
{
	for (size_t i = 0; i < OBJECTS; i += 3)
		if (objects[i])
			drop(i);
	return nothing;
}

/* Scenarios. Only one thread works at a time. */

static void run_thread(void *(*run)(void *))
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static void adoption(void)
{
	run_thread(make_missing);
	drop_every_third(NULL);
	make_missing(NULL);
	run_thread(drop_rest);
}

/* Makes all objects, lets the main thread work, and makes those that are missing then. */
static void *own(void *nothing)
{
	make_missing(NULL);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	make_missing(NULL);
	return nothing;
}

static void beside_owner(void *(*work)(void *), bool is_in_thread)
{
	pthread_t owner;

	pthread_barrier_init(&barrier, NULL, 2);
	ck_assert_int_eq(pthread_create(&owner, NULL, own, NULL), 0);
	pthread_barrier_wait(&barrier);
	if (is_in_thread)
		run_thread(work);
	else
		work(NULL);
	pthread_barrier_wait(&barrier);
	ck_assert_int_eq(pthread_join(owner, NULL), 0);
	drop_rest(NULL);
}

static void remote_frees(void)
{
	beside_owner(drop_rest, false);
}

static void end_with_foreign_objects(void)
{
	beside_owner(drop_every_third, true);
}

static void growth(void)
{
	make_missing(NULL);
	for (size_t i = 0; i < OBJECTS; i += 7)
		grow(i);
	drop_rest(NULL);
}

static void decay(void)
{
	for (int round = 0; round < 2; round++) {
		make_missing(NULL);
		drop_rest(NULL);
		pinned_purge();
	}
}

static void (*const scenarios[])(void) = { adoption, remote_frees, end_with_foreign_objects, growth,
					   decay };

#define SCENARIOS ((int)(sizeof(scenarios) / sizeof(scenarios[0])))

static void all_is_given_back(void)
{
	struct pinned_stats stats = { .size = sizeof(stats) };

	pinned_purge();
	ck_assert_int_eq(pinned_stats(&stats), 0);
	ck_assert_uint_eq(stats.object_bytes - stats.cached_bytes, 0);
	ck_assert_uint_eq(stats.chunk_bytes, mapped);
	/* Threads and classes keep a few slabs. */
	ck_assert_uint_le(mapped, 2 * PINNED_CHUNK_SIZE);
}

/* Runs the scenario in this process, which has not used the library before. */
static void try_point(void (*scenario)(void))
{
	/* The start is another test's subject: failing_system_calls_lose_nothing.c. */
	pinned_free(pinned_malloc(1));
	is_counting = true;
	scenario();
	is_counting = false;
	if (points < disturbed)
		end_child(NO_MORE);
	all_is_given_back();
	end_child(0);
}

/*
 * Disturbs the points of a scenario in turn, each time in a new process. Of the later points, which
 * are many and similar, only some are tried.
 */
static void try_all(void (*scenario)(void))
{
	int status = 0;
	pid_t child;

	for (disturbed = 1; status != NO_MORE << 8; disturbed += 1 + disturbed / 8) {
		child = fork();
		if (!child)
			try_point(scenario);
		ck_assert_int_gt(child, 0);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (status && status != NO_MORE << 8)
			ck_abort_msg("point %u: status %#x", disturbed, (unsigned int)status);
	}
	ck_assert_uint_gt(disturbed, 50);
}

START_TEST(each_point_fails_once)
{
	try_all(scenarios[_i]);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, each_point_fails_once, 0, SCENARIOS);
}

int main(void)
{
	setenv("PINNED_CONF", "backend:anon,decay_ms:0", 1);
	return run_suite("failing_memory_keeps_slabs_whole", add);
}

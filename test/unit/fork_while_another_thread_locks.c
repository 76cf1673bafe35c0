// SPDX-License-Identifier: MIT
/*
 * Protects programs that fork in a signal handler while the interrupted thread waits for the
 * kernel, which happens in the middle of a locked section whose lock another thread may hold
 * meanwhile. In the child, the data under that lock may be half changed, and nobody uses them
 * before the child is settled (Faults E6).
 *
 * The function of this file that replaces pn_sys_map() forks there, as a signal handler could.
 * Wraps: pn_sys_map
 */
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chunk/heap.h"
#include "os/sys.h"
#include "pinned.h"
#include "suite.h"

#define MUCH ((size_t)32 << 20)
/* A slot that does not exist. */
#define NO_LINK UINT32_MAX

static bool must_fork, is_child;
static sem_t may_lock, is_locked, may_unlock;
static int status;

int __wrap_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);
int __real_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset);

/* Changes the list of idle chunks by half while the process forks. */
static void *lock(void *unused)
{
	uint32_t last;

	sem_wait(&may_lock);
	pn_arena_lock();
	last = pn_heap.empty.last;
	pn_heap.empty.last = NO_LINK;
	sem_post(&is_locked);
	sem_wait(&may_unlock);
	pn_heap.empty.last = last;
	pn_arena_unlock();
	return unused;
}

static void fork_here(void)
{
	pid_t pid;

	sem_post(&may_lock);
	sem_wait(&is_locked);
	pid = fork();
	is_child = !pid;
	if (is_child)
		return;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	sem_post(&may_unlock);
}

int __wrap_pn_sys_map(void *addr, size_t size, int flags, int fd, uint64_t offset)
{
	if (must_fork && size >= MUCH) {
		must_fork = false;
		fork_here();
	}
	return __real_pn_sys_map(addr, size, flags, fd, offset);
}

/* Return: true if objects of every kind can be allocated. */
static bool can_allocate(void)
{
	for (size_t size = 8; size <= 3 * PN_CHUNK_SIZE; size += size / 4 + 8) {
		char *object = pinned_malloc(size);

		if (!object)
			return false;
		memset(object, 1, size);
		pinned_free(object);
	}
	return true;
}

START_TEST(child_leaves_half_changed_data_alone)
{
	pthread_t thread;
	char *object;

	sem_init(&may_lock, 0, 0);
	sem_init(&is_locked, 0, 0);
	sem_init(&may_unlock, 0, 0);
	pinned_free(pinned_malloc(2 * PN_CHUNK_SIZE));
	ck_assert_uint_ne(pn_heap.empty.last, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, lock, NULL), 0);
	must_fork = true;
	object = pinned_malloc(2 * MUCH);
	if (is_child) {
		alarm(60);
		end_child(object && can_allocate() ? 0 : 1);
	}
	ck_assert(!must_fork);
	ck_assert_ptr_nonnull(object);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(status, 0);
	ck_assert(can_allocate());
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_test(tcase, child_leaves_half_changed_data_alone);
}

int main(void)
{
	return run_suite("fork_while_another_thread_locks", add);
}

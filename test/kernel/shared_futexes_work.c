// SPDX-License-Identifier: MIT
/*
 * Futexes without FUTEX_PRIVATE work in pinned memory as they do in anonymous memory: robust and
 * process-shared mutexes, condition variables and semaphores, the end of a thread on an allocated
 * stack, and liburcu's queues. Parent, child and grandchild do not wake each other. Memory can be
 * freed while another process still pins it, and msync() succeeds (Faults C1).
 */
#include "guest.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>

#define SLOTS 2UL

static int wake_one(uint32_t *word)
{
	return (int)WORKS(syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0));
}

/* Waits until a wake-up reaches this thread; the word must be 0. */
static void wait_on(uint32_t *word)
{
	WORKS(syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0));
}

/* A thread that waits for a word to change. */
struct waiter {
	uint32_t *word;
	pid_t tid;
	pthread_t thread;
};

static void *run_waiter(void *arg)
{
	struct waiter *waiter = arg;

	__atomic_store_n(&waiter->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	wait_on(waiter->word);
	return NULL;
}

static bool is_in_futex(pid_t tid)
{
	char path[64], line[128];
	FILE *file;
	bool is;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	file = fopen(path, "re");
	CHECK(file != NULL);
	is = fgets(line, sizeof(line), file) && strtol(line, NULL, 10) == SYS_futex;
	fclose(file);
	return is;
}

static void start_waiter(struct waiter *waiter, uint32_t *word)
{
	*waiter = (struct waiter){ .word = word };
	EQUAL(pthread_create(&waiter->thread, NULL, run_waiter, waiter), 0);
	while (!__atomic_load_n(&waiter->tid, __ATOMIC_ACQUIRE) || !is_in_futex(waiter->tid))
		sched_yield();
}

static void wake_waiter(struct waiter *waiter)
{
	EQUAL(wake_one(waiter->word), 1);
	EQUAL(pthread_join(waiter->thread, NULL), 0);
}

/* Uses a plain word in an object from malloc, as liburcu's call_rcu threads do. */
static void plain_word(char *at)
{
	struct waiter waiter;

	start_waiter(&waiter, (uint32_t *)(at + PAGE - 4));
	EQUAL(wake_one((uint32_t *)(at + PAGE)), 0);
	EQUAL(wake_one((uint32_t *)(at + CHUNK + PAGE - 4)), 0);
	wake_waiter(&waiter);
}

struct locks {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	sem_t sem;
	int turns;
	int owner;
};

enum { TURNS = 200 };

static void init_locks(struct locks *locks, bool is_robust, int protocol)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	memset(locks, 0, sizeof(*locks));
	pthread_mutexattr_init(&mutex);
	EQUAL(pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED), 0);
	if (is_robust)
		EQUAL(pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST), 0);
	EQUAL(pthread_mutexattr_setprotocol(&mutex, protocol), 0);
	EQUAL(pthread_mutex_init(&locks->mutex, &mutex), 0);
	pthread_condattr_init(&cond);
	EQUAL(pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED), 0);
	EQUAL(pthread_cond_init(&locks->changed, &cond), 0);
	WORKS(sem_init(&locks->sem, 1, 0));
}

static void take_turns(struct locks *locks, int self)
{
	EQUAL(pthread_mutex_lock(&locks->mutex), 0);
	while (locks->turns < TURNS) {
		while (locks->owner != self && locks->turns < TURNS)
			EQUAL(pthread_cond_wait(&locks->changed, &locks->mutex), 0);
		locks->turns++;
		locks->owner = !self;
		EQUAL(pthread_cond_signal(&locks->changed), 0);
	}
	EQUAL(pthread_mutex_unlock(&locks->mutex), 0);
}

static void *other_side(void *arg)
{
	struct locks *locks = arg;

	take_turns(locks, 1);
	for (int i = 0; i < TURNS; i++)
		WORKS(sem_post(&locks->sem));
	return NULL;
}

/* The second thread's stack is pinned memory too, so joining the thread waits on a futex there. */
static void mutex_condition_semaphore(char *at, bool is_robust, int protocol)
{
	struct locks *locks = (struct locks *)(at + CHUNK - sizeof(struct locks) / 2 / 64 * 64);
	pthread_attr_t attr;
	pthread_t thread;

	init_locks(locks, is_robust, protocol);
	pthread_attr_init(&attr);
	EQUAL(pthread_attr_setstack(&attr, at + CHUNK + CHUNK / 2, CHUNK / 4), 0);
	EQUAL(pthread_create(&thread, &attr, other_side, locks), 0);
	take_turns(locks, 0);
	for (int i = 0; i < TURNS; i++)
		WORKS(sem_wait(&locks->sem));
	EQUAL(pthread_join(thread, NULL), 0);
}

static void *dies_with_mutex(void *arg)
{
	struct locks *locks = arg;

	EQUAL(pthread_mutex_lock(&locks->mutex), 0);
	WORKS(sem_post(&locks->sem));
	while (!__atomic_load_n(&locks->turns, __ATOMIC_ACQUIRE))
		sched_yield();
	return NULL;
}

static void owner_dies(char *at)
{
	struct locks *locks = (struct locks *)(at + 64);
	pthread_t thread;

	init_locks(locks, true, PTHREAD_PRIO_NONE);
	EQUAL(pthread_create(&thread, NULL, dies_with_mutex, locks), 0);
	WORKS(sem_wait(&locks->sem));
	__atomic_store_n(&locks->turns, 1, __ATOMIC_RELEASE);
	EQUAL(pthread_mutex_lock(&locks->mutex), EOWNERDEAD);
	EQUAL(pthread_mutex_consistent(&locks->mutex), 0);
	EQUAL(pthread_mutex_unlock(&locks->mutex), 0);
	EQUAL(pthread_join(thread, NULL), 0);
}

/* The threads of each process wake each other, and do not wake those of other processes. */
struct family {
	uint32_t *word;
	struct gate sleeps, may_wake;
};

static void grandchild(void *arg)
{
	struct family *family = arg;
	struct waiter waiter;

	EQUAL(wake_one(family->word), 0);
	start_waiter(&waiter, family->word);
	let_pass(&family->sleeps);
	wait_at(&family->may_wake);
	wake_waiter(&waiter);
}

static void child(void *arg)
{
	struct family *family = arg;
	struct family below = { family->word, make_gate(), make_gate() };
	struct waiter waiter;
	pid_t pid;

	EQUAL(wake_one(family->word), 0);
	start_waiter(&waiter, family->word);
	let_pass(&family->sleeps);
	wait_at(&family->may_wake);
	wake_waiter(&waiter);
	pid = spawn(grandchild, &below);
	wait_at(&below.sleeps);
	EQUAL(wake_one(family->word), 0);
	let_pass(&below.may_wake);
	ENDED_WELL(pid);
}

static void generations_are_apart(char *at)
{
	struct family family = { (uint32_t *)(at + 3 * PAGE), make_gate(), make_gate() };
	struct waiter waiter;
	pid_t pid;

	*family.word = 0;
	start_waiter(&waiter, family.word);
	pid = spawn(child, &family);
	wait_at(&family.sleeps);
	wake_waiter(&waiter);
	EQUAL(wake_one(family.word), 0);
	let_pass(&family.may_wake);
	ENDED_WELL(pid);
}

/* A page that a dead parent owned works in its child, with a futex key of the child's own. */
static void orphan(void *arg)
{
	struct family *family = arg;
	struct waiter waiter;

	wait_at(&family->may_wake);
	start_waiter(&waiter, family->word);
	wake_waiter(&waiter);
	let_pass(&family->sleeps);
}

static void dies_first(void *arg)
{
	struct family *family = arg;
	pid_t pid;

	EQUAL(wake_one(family->word), 0);
	pid = WORKS(fork());
	if (!pid) {
		orphan(family);
		_exit(0);
	}
}

static void orphans_wait_too(char *at)
{
	struct family family = { (uint32_t *)(at + 5 * PAGE), make_gate(), make_gate() };

	*family.word = 0;
	ENDED_WELL(spawn(dies_first, &family));
	let_pass(&family.may_wake);
	wait_at(&family.sleeps);
}

static void pools_are_apart(char *at, char *other)
{
	struct waiter waiter;

	start_waiter(&waiter, (uint32_t *)(at + 2 * PAGE));
	EQUAL(wake_one((uint32_t *)(other + 2 * PAGE)), 0);
	wake_waiter(&waiter);
}

static int export_slot(int fd, unsigned long slot)
{
	struct pinned_mem_export request = {
		.size = sizeof(request),
		.offset = slot * CHUNK,
		.count = 1,
	};

	WORKS(ioctl(fd, PINNED_MEM_IOC_EXPORT, &request));
	return request.fd;
}

/*
 * Frees pages that are still mapped or pinned. The kernel logs each page that is freed while it
 * still has a name (see src/kernel/name.c); the log is read after the test.
 */
static void freed_while_held(int fd, char *at)
{
	int buf = export_slot(fd, 0), pipe_fds[2];
	char *seen = mmap(NULL, CHUNK, RW, MAP_SHARED, buf, 0);
	struct iovec page = { at + CHUNK + 7 * PAGE, 100 };

	CHECK(seen != MAP_FAILED);
	fill(seen, CHUNK, 3);
	FILLED(at, CHUNK, 3);
	WORKS(pipe(pipe_fds));
	WORKS(syscall(SYS_vmsplice, pipe_fds[1], &page, 1, 0));
	wake_one((uint32_t *)at);
	WORKS(punch(fd, 0, SLOTS));
	FILLED(seen, CHUNK, 3);
	WORKS(munmap(seen, CHUNK));
	close(buf);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	WORKS(populate(fd, 0, SLOTS, NULL));
}

static void all(int fd, char *at, char *other)
{
	plain_word(at);
	mutex_condition_semaphore(at, false, PTHREAD_PRIO_NONE);
	mutex_condition_semaphore(at, true, PTHREAD_PRIO_NONE);
	mutex_condition_semaphore(at, false, PTHREAD_PRIO_INHERIT);
	owner_dies(at);
	pools_are_apart(at, other);
	generations_are_apart(at);
	/* On small pages, which the fork has left behind. */
	plain_word(at);
	mutex_condition_semaphore(at, true, PTHREAD_PRIO_NONE);
	orphans_wait_too(at);
	WORKS(msync(at, SLOTS * CHUNK, MS_SYNC));
	WORKS(msync(at + PAGE, PAGE, MS_ASYNC));
	freed_while_held(fd, at);
}

int main(void)
{
	int fd = open_pool(), other_fd = open_pool();
	char *other;

	WORKS(populate(fd, 0, SLOTS, NULL));
	WORKS(populate(other_fd, 0, SLOTS, NULL));
	other = map_slots(other_fd, 0, SLOTS);
	all(fd, map_slots(fd, 0, SLOTS), other);
	all(fd, map_slots_off(fd, 0, SLOTS, PAGE), other);
	return 0;
}

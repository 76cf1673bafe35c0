// SPDX-License-Identifier: MIT
/*
 * Protects programs whose signal handlers fork and return: wherever the signal interrupts the
 * library, the forked child finishes the interrupted operation, and the allocator goes on to work
 * in the child (Faults E6, E7). The test traces a process that performs one operation, executes the
 * operation instruction by instruction, and has a signal handler fork at each n-th instruction. The
 * environment variable TEST_FORK_STEP sets n; 1 takes hours. A child is settled either in the
 * handler, unless the thread is inside a locked section, or by a later slow path (child.h).
 *
 * Flavours: gcc
 * (ThreadSanitizer delays signals, a fork must not interrupt AddressSanitizer's runtime, and what
 * the test protects does not depend on the compiler.)
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/child.h"
#include "pinned.h"
#include "suite.h"

/* Status with which a child ends if its check in this line has failed. */
#define FAILED 99

/**
 * struct shared - what the tracer and its processes share
 * @failures: how many children have failed
 * @line: the line of the first failed check
 * @forks: how many children there were
 * @is_over: true after the operation: the tracer causes no fork any more
 */
static struct shared {
	atomic_int failures;
	atomic_int line;
	atomic_int forks;
	atomic_bool is_over;
} * shared;

/* A check for children. Assertions of the Check library take a lock, so children use none. */
#define CHILD_CHECK(condition) ((condition) ? (void)0 : child_failed(__LINE__))

static _Noreturn void child_failed(int line)
{
	int none = 0;

	atomic_compare_exchange_strong(&shared->line, &none, line);
	end_child(FAILED);
	__builtin_unreachable();
}

/* The operations. Each returns false if it has failed. */

#define KEPT 4

static const size_t kept_sizes[KEPT] = { 24, 5000, 100000, 5 << 20 };
static unsigned char *kept[KEPT];
static struct pinned_heap *kept_heap;

/* Each operation begins in this state. */
static void prepare(void)
{
	for (int i = 0; i < KEPT; i++) {
		kept[i] = pinned_malloc(kept_sizes[i]);
		memset(kept[i], i + 1, kept_sizes[i]);
	}
	kept_heap = pinned_heap_create(NULL);
}

static bool use(unsigned char *object, size_t size)
{
	if (!object)
		return false;
	object[0] = 1;
	object[size - 1] = 2;
	pinned_free(object);
	return true;
}

static bool allocate_small(void)
{
	return use(pinned_malloc(40), 40);
}

static bool allocate_many_small(void)
{
	void *objects[40];
	bool is_complete = true;

	for (size_t i = 0; i < 40; i++) {
		objects[i] = pinned_malloc(700);
		is_complete = is_complete && objects[i];
	}
	for (size_t i = 0; i < 40; i++)
		pinned_free(objects[i]);
	return is_complete;
}

static bool allocate_medium(void)
{
	return use(pinned_malloc(90000), 90000);
}

static bool allocate_large(void)
{
	return use(pinned_malloc(3 << 20), 3 << 20);
}

static bool allocate_aligned(void)
{
	return use(pinned_memalign(4096, 200), 200);
}

static bool grow(void)
{
	void *object = NULL;

	for (size_t size = 100; size < 100000; size *= 8) {
		void *larger = pinned_realloc(object, size);

		if (!larger)
			return false;
		object = larger;
	}
	pinned_free(object);
	return true;
}

static bool use_new_heap(void)
{
	struct pinned_heap *heap = pinned_heap_create(NULL);

	if (!heap || !use(pinned_heap_malloc(heap, 100), 100) ||
	    !use(pinned_heap_malloc(heap, 50000), 50000))
		return false;
	return !pinned_heap_destroy(heap);
}

static bool use_kept_heap(void)
{
	return use(pinned_heap_malloc(kept_heap, 100), 100) &&
	       use(pinned_heap_malloc(kept_heap, 50000), 50000);
}

/* Retains an object more often than its state can count, frees it, and releases it. */
static bool retain_object(void *object)
{
	if (!object)
		return false;
	for (int i = 0; i < 70; i++)
		pinned_retain(object);
	pinned_free(object);
	for (int i = 0; i < 70; i++)
		pinned_release(object);
	return true;
}

/* Objects of other heaps than the default one are also counted by their heap. */
static bool retain(void)
{
	return retain_object(pinned_malloc(300)) &&
	       (!kept_heap || retain_object(pinned_heap_malloc(kept_heap, 300)));
}

/* A new object can be retained, so nothing counts as retained that is not. */
static bool is_retain_count_right(void)
{
	struct pinned_heap *heap = pinned_heap_create(NULL);
	void *object = pinned_heap_malloc(heap, 100);

	if (!object || pinned_retain(object) || pinned_release(object))
		return false;
	return !pinned_heap_destroy(heap) && (!kept_heap || !pinned_heap_destroy(kept_heap));
}

static bool purge(void)
{
	pinned_purge();
	return true;
}

/* What a child does after it has finished the interrupted operation. */

static void use_inherited(void)
{
	CHILD_CHECK(use_kept_heap());
	for (int i = 0; i < KEPT; i++) {
		CHILD_CHECK(kept[i][0] == i + 1 && kept[i][kept_sizes[i] - 1] == i + 1);
		kept[i] = pinned_realloc(kept[i], 2 * kept_sizes[i]);
		CHILD_CHECK(kept[i] && kept[i][kept_sizes[i] - 1] == i + 1);
		pinned_free(kept[i]);
	}
}

static void *live_as_thread(void *unused)
{
	(void)unused;
	CHILD_CHECK(allocate_small() && allocate_medium());
	return NULL;
}

static void live_as_child(void)
{
	pthread_t thread;

	CHILD_CHECK(allocate_many_small());
	CHILD_CHECK(allocate_medium());
	CHILD_CHECK(allocate_large());
	CHILD_CHECK(use_new_heap());
	CHILD_CHECK(retain());
	if (kept_heap)
		use_inherited();
	CHILD_CHECK(!pthread_create(&thread, NULL, live_as_thread, NULL));
	CHILD_CHECK(!pthread_join(thread, NULL));
	CHILD_CHECK(is_retain_count_right());
	pinned_purge();
	end_child(0);
}

/* The traced process. */

static pid_t (*make_child)(void);
static volatile sig_atomic_t is_child;

static void fork_and_wait(int number)
{
	int saved = errno, status;
	pid_t pid = make_child();

	(void)number;
	if (!pid) {
		is_child = true;
		alarm(60);
		errno = saved;
		return;
	}
	atomic_fetch_add(&shared->forks, 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		atomic_fetch_add(&shared->failures, 1);
	errno = saved;
	/* Tells the tracer that the handler is about to return. */
	raise(SIGSTOP);
}

/* What the thread that performs an operation has done before. */
enum before { NOTHING_IN_PROCESS, NOTHING_IN_THREAD, ALLOCATED };

/**
 * struct operation - an operation
 * @perform: performs it
 * @before: what has been done before
 * @step: how many instructions lie between two forks, such that there are about a hundred forks
 */
struct operation {
	bool (*perform)(void);
	enum before before;
	long step;
};

static void *prepare_as_thread(void *unused)
{
	prepare();
	return unused;
}

static void prepare_for(enum before before)
{
	pthread_t thread;

	if (before == ALLOCATED)
		prepare();
	if (before != NOTHING_IN_THREAD)
		return;
	pthread_create(&thread, NULL, prepare_as_thread, NULL);
	pthread_join(thread, NULL);
}

/* Stops for the tracer before the operation and after it. */
static _Noreturn void be_traced(const struct operation *operation)
{
	struct sigaction action = { .sa_handler = fork_and_wait };
	bool has_succeeded;

	prepare_for(operation->before);
	sigaction(SIGUSR1, &action, NULL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(FAILED);
	raise(SIGSTOP);
	has_succeeded = operation->perform();
	if (!is_child)
		atomic_store(&shared->is_over, true);
	if (is_child) {
		CHILD_CHECK(has_succeeded);
		live_as_child();
	}
	raise(SIGSTOP);
	_exit(has_succeeded ? 0 : FAILED);
}

/* The tracer. */

/**
 * struct place - where a thread is
 * @instruction: the address of the next instruction
 * @stack: the stack pointer
 */
struct place {
	uintptr_t instruction;
	uintptr_t stack;
};

static struct place place_of(pid_t pid)
{
	struct user_regs_struct registers;
	struct iovec area = { &registers, sizeof(registers) };

	ck_assert_int_eq(ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &area), 0);
#if defined(__x86_64__)
	return (struct place){ registers.rip, registers.rsp };
#elif defined(__i386__)
	return (struct place){ (uintptr_t)registers.eip, (uintptr_t)registers.esp };
#elif defined(__aarch64__)
	return (struct place){ registers.pc, registers.sp };
#else
#error "Say here which registers these are."
#endif
}

/*
 * Continues the process by @request, with a signal or 0. Return: the signal that stopped it, which
 * it does not receive. That a child has ended does not count.
 */
static int run_until_stop(enum __ptrace_request request, pid_t pid, long number)
{
	int status;

	do {
		ck_assert_int_eq(ptrace(request, pid, NULL, (void *)number), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSTOPPED(status), "the traced process ended with status %#x",
			      status);
		number = 0;
	} while (WSTOPSIG(status) == SIGCHLD);
	return WSTOPSIG(status);
}

static pid_t start(const struct operation *operation)
{
	pid_t pid;
	int status;

	atomic_store(&shared->is_over, false);
	pid = fork();
	if (!pid)
		be_traced(operation);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	ck_assert_int_eq(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(uintptr_t)PTRACE_O_EXITKILL),
			 0);
	return pid;
}

static void end(pid_t pid)
{
	int status;

	ck_assert_int_eq(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

/* Returns how many instructions lie between two forks. */
static long step_of(const struct operation *operation)
{
	const char *wanted = getenv("TEST_FORK_STEP");

	return wanted ? strtol(wanted, NULL, 10) : operation->step;
}

/*
 * Has the signal handler fork, and waits until it has returned. (The handler may call the function
 * that it interrupted.)
 */
static void fork_here(pid_t pid)
{
	struct place here = place_of(pid), now;

	ck_assert_int_eq(run_until_stop(PTRACE_CONT, pid, SIGUSR1), SIGSTOP);
	do {
		ck_assert_int_eq(run_until_stop(PTRACE_SINGLESTEP, pid, 0), SIGTRAP);
		now = place_of(pid);
	} while (now.instruction != here.instruction || now.stack != here.stack);
}

static void fork_in(const struct operation *operation)
{
	long step = step_of(operation), first = (long)test_seed() % step, at = 0;
	pid_t pid = start(operation);

	while (run_until_stop(PTRACE_SINGLESTEP, pid, 0) == SIGTRAP)
		if (at++ % step == first && !atomic_load(&shared->is_over))
			fork_here(pid);
	end(pid);
}

static const struct operation operations[] = {
	{ allocate_small, NOTHING_IN_PROCESS, 307 },
	{ allocate_small, NOTHING_IN_THREAD, 211 },
	{ allocate_small, ALLOCATED, 29 },
	{ use_new_heap, ALLOCATED, 199 },
	{ allocate_many_small, ALLOCATED, 307 },
	{ allocate_medium, ALLOCATED, 29 },
	{ allocate_large, ALLOCATED, 29 },
	{ allocate_aligned, ALLOCATED, 47 },
	{ grow, ALLOCATED, 199 },
	{ use_kept_heap, ALLOCATED, 149 },
	{ retain, ALLOCATED, 397 },
	{ purge, ALLOCATED, 97 },
};
#define OPERATIONS ((int)(sizeof(operations) / sizeof(*operations)))

static void fork_in_operation(int index, pid_t (*function)(void))
{
	make_child = function;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert(shared != MAP_FAILED);
	fork_in(&operations[index]);
	ck_assert_int_gt(shared->forks, 10);
	ck_assert_msg(!shared->failures,
		      "operation %d: %d of %d children failed; the first: line %d", index,
		      shared->failures, shared->forks, shared->line);
}

/*
 * The first allocation of a thread calls the C library, which allocates memory. fork() would wait
 * for a lock that the C library holds meanwhile.
 */
#define FIRST_WITH_FORK 2
/* The operations from here on only differ in what the thread does inside of locked sections. */
#define END_WITH_CLONE 4

START_TEST(fork_settles_child_in_handler)
{
	fork_in_operation(_i, fork);
}
END_TEST

START_TEST(clone_settles_child_after_handler)
{
	fork_in_operation(_i, clone_process);
}
END_TEST

/* Does in the child what the library's fork handler does. */
static pid_t clone_and_settle(void)
{
	pid_t pid = clone_process();

	if (!pid)
		pn_child_settle();
	return pid;
}

START_TEST(clone_settles_child_in_handler)
{
	fork_in_operation(_i, clone_and_settle);
}
END_TEST

static void add(TCase *tcase)
{
	tcase_add_loop_test(tcase, fork_settles_child_in_handler, FIRST_WITH_FORK, OPERATIONS);
	tcase_add_loop_test(tcase, clone_settles_child_after_handler, 0, END_WITH_CLONE);
	tcase_add_loop_test(tcase, clone_settles_child_in_handler, 0, FIRST_WITH_FORK);
}

int main(void)
{
	return run_suite("fork_at_each_instruction", add);
}

// SPDX-License-Identifier: MIT
/*
 * Protects programs that use signals or cancellation: handlers that interrupt allocations may
 * jump, fork and wait, as they may without the shim, and a thread is not cancelled inside malloc
 * or free, which are no cancellation points (Faults B27).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/time.h>

#include "../../lib/check.h"

static volatile sig_atomic_t ticks;
static sigjmp_buf back;

static void use_heap(void)
{
	static void *objects[100];

	for (int i = 0; i < 100; i++) {
		objects[i] = malloc((size_t)i * i * 7);
		CHECK(objects[i]);
		memset(objects[i], i, (size_t)i * i * 7);
	}
	for (int i = 0; i < 100; i++)
		free(objects[i]);
	free(malloc(3 << 20));
}

static void handle(int number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	CHECK(!sigaction(number, &action, NULL));
}

static void tick_every(int microseconds)
{
	struct itimerval timer = { { 0, microseconds }, { 0, microseconds } };

	CHECK(!setitimer(ITIMER_REAL, &timer, NULL));
}

static void fork_and_wait(int number)
{
	int saved = errno;
	pid_t child = fork();

	(void)number;
	if (child == 0)
		_exit(0);
	CHECK_ENDS_WELL(child);
	ticks++;
	errno = saved;
}

/* Forks in a signal handler that interrupts allocations of the process's only thread. */
static void forks_in_handler(void)
{
	handle(SIGALRM, fork_and_wait, SA_RESTART);
	tick_every(3000);
	for (ticks = 0; ticks < 200;) {
		errno = E2BIG;
		use_heap();
		CHECK(errno == E2BIG);
	}
	tick_every(0);
}

static void allocate_and_jump(int number)
{
	(void)number;
	use_heap();
	siglongjmp(back, 1);
}

/* A handler that runs while nothing is being allocated may allocate, and jump away. */
static void jumps_out_of_handler(void)
{
	stack_t stack = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 };
	volatile int jumps = 0;

	CHECK(stack.ss_sp && !sigaltstack(&stack, NULL));
	handle(SIGSEGV, allocate_and_jump, SA_ONSTACK | SA_NODEFER);
	if (sigsetjmp(back, 1))
		jumps++;
	if (jumps < 1000)
		*(volatile int *)opaque((void *)8) = 1;
	handle(SIGSEGV, SIG_DFL, 0);
	stack.ss_flags = SS_DISABLE;
	CHECK(!sigaltstack(&stack, NULL));
	free(stack.ss_sp);
}

static atomic_int survived;

static void *allocate_cancelled(void *unused)
{
	pthread_cancel(pthread_self());
	use_heap();
	for (size_t size = 8; size < 64 << 20; size *= 2) {
		char *object = calloc(1, size);

		CHECK(object);
		free(realloc(object, size * 2));
	}
	survived++;
	pthread_testcancel();
	survived = -1000;
	return unused;
}

static void cancels(void)
{
	for (int i = 0; i < 50; i++) {
		pthread_t thread;
		void *result;

		CHECK(!pthread_create(&thread, NULL, allocate_cancelled, NULL));
		CHECK(!pthread_join(thread, &result));
		CHECK(result == PTHREAD_CANCELED);
	}
	CHECK(survived == 50);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "fork")) {
		forks_in_handler();
		return 0;
	}
	jumps_out_of_handler();
	cancels();
	return 0;
}

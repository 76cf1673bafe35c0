/* SPDX-License-Identifier: MIT */
/* The main() of a unit test: one suite of the Check library, with each test in its own process. */
#ifndef TEST_SUITE_H
#define TEST_SUITE_H

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/base.h"

/*
 * Returns the seed of a test with random operations: TEST_SEED, or 1, so that a test fails because
 * of a change to the code and not by chance. `make check-seeds` tries other seeds.
 */
static inline unsigned int test_seed(void)
{
	const char *wanted = getenv("TEST_SEED");
	unsigned int seed = wanted ? (unsigned int)strtoul(wanted, NULL, 10) : 1;

	printf("TEST_SEED=%u\n", seed);
	fflush(stdout);
	return seed;
}

/*
 * Ends a child that a process with threads forked. Before a call of a function that never returns,
 * such as _exit(), AddressSanitizer allocates memory, and waits for a lock of its own that another
 * thread may have held at the fork.
 */
static inline void end_child(int status)
{
	syscall(SYS_exit_group, status);
}

/*
 * Forks without the C library's fork handlers. ThreadSanitizer's own locks do not survive a fork
 * that ThreadSanitizer cannot see, so the handlers run there.
 */
static inline pid_t clone_process(void)
{
#ifdef PN_THREAD_SANITIZER
	return fork();
#else
	return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L);
#endif
}

/*
 * Runs the tests that @add adds. Return: the exit status of the program. The time-out is long
 * enough for sanitizers on a busy machine.
 */
static inline int run_suite(const char *name, void (*add)(TCase *tcase))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	add(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif /* TEST_SUITE_H */

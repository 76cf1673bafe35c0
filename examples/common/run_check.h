/* SPDX-License-Identifier: MIT */
/*
 * Runs the checks of the examples' tests, each in its own process, which exits with 0 on success.
 */
#ifndef EXAMPLES_RUN_CHECK_H
#define EXAMPLES_RUN_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int passed, failed;

/* Runs @check in a child, so that the state it leaves does not affect the next check. */
static inline void run_check(const char *name, void (*check)(void))
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		check();
		exit(0);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
		passed++;
	else
		failed++;
	printf("%s: %s\n", name, status ? "FAILED" : "passed");
}

/* Prints the result of all checks. Returns the exit status for main(). */
static inline int end_checks(void)
{
	printf("%d passed, %d failed, 0 skipped\n", passed, failed);
	return failed || !passed;
}

#endif /* EXAMPLES_RUN_CHECK_H */

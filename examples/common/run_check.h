/* SPDX-License-Identifier: MIT */
/* How the examples' tests run their checks: each in a process of its own, which exits with 0 if all is well. */
#ifndef EXAMPLES_RUN_CHECK_H
#define EXAMPLES_RUN_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int passed, failed;

/* In a child, so that what one leaves behind is not the next one's. */
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

/* Return: what main() returns. */
static inline int end_checks(void)
{
	printf("%d passed, %d failed, 0 skipped\n", passed, failed);
	return failed || !passed;
}

#endif /* EXAMPLES_RUN_CHECK_H */

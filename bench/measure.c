// SPDX-License-Identifier: MIT
/*
 * Runs a command and writes its costs into a file. This program exists because a process inherits,
 * at exec, the peak memory of the process that started it, and this program is small. It passes
 * SIGTERM on to the command, so that servers can be measured too; a command that ends by SIGTERM
 * counts as successful.
 *
 * usage: measure FILE COMMAND [ARGUMENT...]
 * writes: status wall_s user_s system_s peak_kib minor_faults
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t child;

static void pass_on(int signal)
{
	if (child > 0)
		kill(child, signal);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static int write_result(const char *path, int status, double wall, const struct rusage *usage)
{
	FILE *file = fopen(path, "w");

	if (!file) {
		perror(path);
		return 1;
	}
	fprintf(file, "%d %.6f %.6f %.6f %ld %ld\n", status, wall, seconds(usage->ru_utime),
		seconds(usage->ru_stime), usage->ru_maxrss, usage->ru_minflt);
	return fclose(file) ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = pass_on, .sa_flags = SA_RESTART };
	struct rusage usage;
	double begin = now_s();
	int status;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: measure FILE COMMAND [ARGUMENT...]\n");
		return 2;
	}
	pid = fork();
	if (pid < 0) {
		perror("fork");
		return 1;
	}
	if (!pid) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	child = pid;
	sigaction(SIGTERM, &action, NULL);
	if (wait4(pid, &status, 0, &usage) != pid) {
		perror("wait4");
		return 1;
	}
	status = WIFEXITED(status)	       ? WEXITSTATUS(status)
		 : WTERMSIG(status) == SIGTERM ? 0
					       : 128 + WTERMSIG(status);
	return write_result(argv[1], status, now_s() - begin, &usage) || status;
}

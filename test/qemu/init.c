// SPDX-License-Identifier: MIT
/*
 * PID 1 of a test guest. It loads modules and runs the planned tests one by one; after each test it
 * checks the kernel log and what the driver still holds. Then it unloads the driver, compares free
 * memory, and reads the kernel's leak reports if the kernel makes any. At the end it writes the
 * verdict to a port of its own. A crash, a hang or a test that prints much cannot look like a pass,
 * since a run without the verdict's last line has failed.
 *
 * /etc/guest is the plan, written by ./boot, a line each:
 *   support PATH          a kernel module to load first
 *   module PATH           the driver
 *   verdict PATH          the device to write the verdict to
 *   keep PATH             a folder of the host's that must be seen, even if it is below /tmp
 *   test NAME SECONDS PATH [ARG...]       a static program
 *   host NAME SECONDS COMMAND...          a shell command in the host's file system (see ./boot)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "leaks.h"
#include "log_lines.h"

#define PLAN "/etc/guest"
#define HOST_ROOT "/host"
#define DRIVER_STATE "/sys/class/misc/pinned_mem"
#define USED_CHUNKS DRIVER_STATE "/used_chunks"
#define POOLS "/sys/kernel/debug/pinned_mem/pools"
#define DRIVER "pinned_mem"
#define EXIT_SKIP 77
#define ARGS_MAX 8
/* How many log lines are shown after the first bad one. */
#define SHOWN_MAX 40
/*
 * How much memory the kernel's own bookkeeping may keep after a run; a leak of a chunk in a loop is
 * larger.
 */
#define MEMORY_SLACK_KB (8 * 1024)

enum result { PASSED, FAILED, SKIPPED };

static struct {
	unsigned int planned, run, passed, failed, skipped;
} totals;

static FILE *verdict;
static char driver_path[256];
static char keep_path[256];
static int kmsg = -1;

static __attribute__((format(printf, 1, 2))) void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fflush(stdout);
}

/* Files and modules. */

static long read_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "r");
	char line[256];
	long number = -1;

	while (file && number < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			number = strtol(line + strlen(key), NULL, 10);
	if (file)
		fclose(file);
	return number;
}

static bool load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_loaded = fd >= 0 && (!syscall(SYS_finit_module, fd, "", 0) || errno == EEXIST);

	if (!is_loaded)
		say("init: cannot load %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return is_loaded;
}

/*
 * Returns the size of the per-CPU lists of free pages, which MemFree does not count: dozens of
 * chunks.
 */
static long kept_by_cpus_kb(void)
{
	FILE *zones = fopen("/proc/zoneinfo", "r");
	char line[256];
	long pages, sum = 0;

	while (zones && fgets(line, sizeof(line), zones))
		if (sscanf(line, " count: %ld", &pages) == 1)
			sum += pages * (sysconf(_SC_PAGESIZE) / 1024);
	if (zones)
		fclose(zones);
	return sum;
}

static long free_memory_kb(void)
{
	FILE *drop = fopen("/proc/sys/vm/drop_caches", "w");

	sync();
	if (drop) {
		fputs("3", drop);
		fclose(drop);
	}
	return read_number("/proc/meminfo", "MemFree:") + kept_by_cpus_kb();
}

/* KASAN alone holds back a 32nd of the memory. The page owner report shows exactly what is left. */
static long checkers_memory_kb(void)
{
	return leaks_has_page_owner() ? read_number("/proc/meminfo", "MemTotal:") / 16 : 0;
}

/* The kernel log. */

/* Reads the log lines since the last call. Returns true if one of them reports a fault. */
static bool is_log_bad(void)
{
	char record[2048], last[2048] = "";
	unsigned int shown = 0;
	bool found = false;
	ssize_t n;

	while ((n = read(kmsg, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;
		record[n] = '\0';
		if (log_line_is_fault(record) && !found) {
			say("init: the kernel reports: %s%s", last, record);
			found = true;
		} else if (found && shown++ < SHOWN_MAX) {
			say("init: ... %s", record);
		}
		strcpy(last, record);
	}
	return found;
}

/* Tests. */

static void pause_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

/* Returns the wait status, or -1 after @seconds. Reaps orphans meanwhile. */
static int wait_for(pid_t pid, unsigned int seconds)
{
	time_t end = time(NULL) + seconds;
	int status;

	for (;;) {
		pid_t got = waitpid(-1, &status, WNOHANG);

		if (got == pid)
			return status;
		if (got > 0)
			continue;
		if (time(NULL) >= end)
			return -1;
		pause_ms(10);
	}
}

/* Kills all processes that a test left behind; orphans are children of init. */
static void kill_the_rest(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* Unloads modules that use the driver, which a test that failed has left behind. */
static void unload_vendors(void)
{
	DIR *folder = opendir("/sys/module/" DRIVER "/holders");
	struct dirent *holder;

	while (folder && (holder = readdir(folder)))
		if (holder->d_name[0] != '.' &&
		    syscall(SYS_delete_module, holder->d_name, O_NONBLOCK))
			say("init: cannot unload %s: %s\n", holder->d_name, strerror(errno));
	if (folder)
		closedir(folder);
}

static void enter_host_root(void)
{
	if (chroot(HOST_ROOT) || chdir("/"))
		_exit(126);
}

static pid_t start(bool is_in_host, char *const argv[])
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	if (is_in_host)
		enter_host_root();
	execv(argv[0], argv);
	say("init: cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Shows what may hold the chunks that a test left behind. */
static void show_holders(long used)
{
	FILE *pools = fopen(POOLS, "re");
	char line[256];

	say("init: the driver still holds %ld chunks; busy: %ld, pages of snapshots: %ld; pools:\n",
	    used, read_number(DRIVER_STATE "/busy_chunks", ""),
	    read_number(DRIVER_STATE "/snapshot_pages", ""));
	while (pools && fgets(line, sizeof(line), pools))
		say("init: %s", line);
	if (pools)
		fclose(pools);
}

/*
 * Waits until the driver holds nothing: it may free memory a moment after exit (delayed work,
 * sockets). Only the first test that leaves chunks behind fails for these.
 */
static bool is_all_given_back(void)
{
	static long left;
	long used = -1;

	for (int i = 0; i < 300; i++) {
		used = read_number(USED_CHUNKS, "");
		if (used >= 0 && used <= left) {
			left = used;
			return true;
		}
		pause_ms(10);
	}
	show_holders(used);
	left = used;
	return false;
}

static bool is_driver_loaded(void)
{
	return !access(USED_CHUNKS, R_OK);
}

static enum result judge(int status)
{
	if (status == -1)
		say("init: timed out\n");
	else if (WIFSIGNALED(status))
		say("init: killed by signal %d\n", WTERMSIG(status));
	if (status == -1 || !WIFEXITED(status))
		return FAILED;
	if (WEXITSTATUS(status) == EXIT_SKIP)
		return SKIPPED;
	return WEXITSTATUS(status) ? FAILED : PASSED;
}

static void run_test(const char *name, unsigned int seconds, bool is_in_host, char *const argv[])
{
	static const char *const words[] = { "passed", "failed", "skipped" };
	time_t begin = time(NULL);
	enum result result;

	say("init: test %s\n", name);
	result = judge(wait_for(start(is_in_host, argv), seconds));
	kill_the_rest();
	unload_vendors();
	if (is_log_bad())
		result = FAILED;
	if (driver_path[0] && (!is_driver_loaded() || !is_all_given_back())) {
		result = FAILED;
		load_module(driver_path);
	}
	totals.run++;
	totals.passed += result == PASSED;
	totals.failed += result == FAILED;
	totals.skipped += result == SKIPPED;
	say("init: test %s %s\n", name, words[result]);
	fprintf(verdict, "test %s %s %ld\n", name, words[result], (long)(time(NULL) - begin));
	fflush(verdict);
}

/* Counts a condition that must hold at the end as a test. */
static void check(const char *name, bool is_good)
{
	totals.planned++;
	totals.run++;
	totals.passed += is_good;
	totals.failed += !is_good;
	fprintf(verdict, "test %s %s 0\n", name, is_good ? "passed" : "failed");
}

/* The plan. */

static void run_line(char *line)
{
	char *save = NULL;
	char *kind = strtok_r(line, " \n", &save);
	char *name = strtok_r(NULL, " \n", &save);
	char *seconds = strtok_r(NULL, " \n", &save);
	char *rest = strtok_r(NULL, "\n", &save);
	char *argv[ARGS_MAX + 1] = { NULL };

	if (!kind || !rest || (strcmp(kind, "test") && strcmp(kind, "host")))
		return;
	if (!strcmp(kind, "host")) {
		argv[0] = "/bin/sh";
		argv[1] = "-c";
		argv[2] = rest;
	} else {
		for (int i = 0; i < ARGS_MAX; i++)
			argv[i] = strtok_r(i ? NULL : rest, " ", &save);
	}
	totals.planned++;
	run_test(name, (unsigned int)strtoul(seconds, NULL, 10), kind[0] == 'h', argv);
}

/*
 * Opens a device, whose driver may have been loaded a moment ago. It never creates a file, which
 * would be lost with the guest.
 */
static FILE *open_device(const char *path)
{
	int fd = -1;

	for (int i = 0; i < 300 && fd < 0; i++) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			pause_ms(10);
	}
	return fd < 0 ? NULL : fdopen(fd, "w");
}

static void prepare_line(const char *line)
{
	char path[256];

	if (sscanf(line, "support %255s", path) == 1 && !load_module(path))
		say("init: going on without %s\n", path);
	if (sscanf(line, "verdict %255s", path) == 1)
		verdict = open_device(path);
	sscanf(line, "module %255s", driver_path);
	sscanf(line, "keep %255s", keep_path);
}

static void for_each_line(void (*handle)(char *line))
{
	FILE *plan = fopen(PLAN, "re");
	char *line = NULL;
	size_t size = 0;

	while (plan && getline(&line, &size, plan) > 0)
		handle(line);
	free(line);
	if (plan)
		fclose(plan);
}

static void prepare(char *line)
{
	prepare_line(line);
}

static void mount_or_say(const char *from, const char *at, const char *type, unsigned long flags,
			 const char *options)
{
	mkdir(at, 0755);
	if (mount(from, at, type, flags, options))
		say("init: cannot mount %s: %s\n", at, strerror(errno));
}

static void mount_all(void)
{
	mount_or_say("proc", "/proc", "proc", 0, "");
	mount_or_say("sys", "/sys", "sysfs", 0, "");
	mount_or_say("dev", "/dev", "devtmpfs", 0, "");
	mount_or_say("tmp", "/tmp", "tmpfs", 0, "mode=1777");
	mount_or_say("debug", "/sys/kernel/debug", "debugfs", 0, "");
}

/* Shows @from again below a new file system that hides it. */
static void show_again(const char *from, const char *path)
{
	char full[sizeof(HOST_ROOT) + sizeof(keep_path)];

	snprintf(full, sizeof(full), HOST_ROOT "%s", path);
	if (!access(full, F_OK))
		return;
	for (char *slash = full + strlen(HOST_ROOT) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	mount_or_say(from, full, NULL, MS_BIND, NULL);
}

/*
 * Hides a folder above @path, such as root's home, that only its owner may enter: some tests run as
 * ordinary users.
 */
static void hide_closed_folder(const char *path)
{
	char full[sizeof(HOST_ROOT) + sizeof(keep_path)];
	struct stat status;

	snprintf(full, sizeof(full), HOST_ROOT "%s", path);
	for (char *slash = full + strlen(HOST_ROOT) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (!stat(full, &status) && !(status.st_mode & S_IXOTH)) {
			mount_or_say("way", full, "tmpfs", 0, "mode=755");
			return;
		}
		*slash = '/';
	}
}

static void mount_bind_host(const char *path, const char *at)
{
	char full[sizeof(HOST_ROOT) + sizeof(keep_path)];

	snprintf(full, sizeof(full), HOST_ROOT "%s", path);
	mount_or_say(full, at, NULL, MS_BIND, NULL);
}

/* Mounts the host's files read-only, with the guest's own devices and writable folders. */
static void mount_host_root(void)
{
	if (mount("host", HOST_ROOT, "9p", MS_RDONLY,
		  "trans=virtio,version=9p2000.L,cache=loose,msize=524288"))
		return;
	mount_bind_host(keep_path, "/keep");
	mount_or_say("proc", HOST_ROOT "/proc", "proc", 0, "");
	mount_or_say("sys", HOST_ROOT "/sys", "sysfs", 0, "");
	mount_or_say("dev", HOST_ROOT "/dev", "devtmpfs", 0, "");
	mount_or_say("shm", HOST_ROOT "/dev/shm", "tmpfs", 0, "mode=1777");
	if (symlink("/proc/self/fd", HOST_ROOT "/dev/fd"))
		say("init: no /dev/fd: %s\n", strerror(errno));
	mount_or_say("tmp", HOST_ROOT "/tmp", "tmpfs", 0, "mode=1777");
	mount_or_say("run", HOST_ROOT "/run", "tmpfs", 0, "mode=755");
	hide_closed_folder(keep_path);
	show_again("/keep", keep_path);
}

static void raise_loopback(void)
{
	/*
	 * A shell command is shorter than the ioctls, and only tests in the host's files need the
	 * interface.
	 */
	char *const argv[] = { "/bin/sh", "-c", "ip link set lo up 2>/dev/null || true", NULL };

	wait_for(start(true, argv), 30);
}

int main(void)
{
	long before, after, slack;
	bool is_host_there;

	mkdir(HOST_ROOT, 0755);
	say("init: the kernel is up\n");
	if (sethostname("guest", 5)) /* some programs refuse to run on a machine without a name */
		say("init: no host name: %m\n");
	mount_all();
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/tmp", 1);
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	for_each_line(prepare);
	mount_host_root();
	is_host_there = !access(HOST_ROOT "/bin/sh", X_OK);
	if (is_host_there)
		raise_loopback();
	if (!verdict)
		verdict = stdout;
	/* Messages from booting do not concern the driver. */
	lseek(kmsg, 0, SEEK_END);

	before = free_memory_kb();
	if (driver_path[0])
		check("module_loads", load_module(driver_path));
	for_each_line(run_line);
	/*
	 * The driver's functions have names only while it is loaded. What it keeps longer shows
	 * after unloading.
	 */
	if (driver_path[0] && leaks_has_kmemleak())
		check("kmemleak", leaks_none_in_kmemleak(DRIVER));
	if (driver_path[0])
		check("module_unloads", !syscall(SYS_delete_module, DRIVER, O_NONBLOCK));
	after = free_memory_kb();
	say("init: free memory %ld kB before, %ld kB after\n", before, after);
	/* Tests in the host's files leave this much in kernel caches that cannot be dropped. */
	slack = MEMORY_SLACK_KB + (is_host_there ? 65536 : 0) + checkers_memory_kb();
	/* A page of 4 KiB that a test has made fail costs the chunk of 2 MiB that it was in. */
	slack += read_number("/proc/meminfo", "HardwareCorrupted:") * 512;
	check("memory_is_back", before - after < slack);
	check("kernel_log_is_clean", !is_log_bad());
	if (driver_path[0] && leaks_has_kmemleak())
		check("kmemleak_after_unload", leaks_none_in_kmemleak(DRIVER));
	if (driver_path[0] && leaks_has_page_owner())
		check("page_owner", leaks_none_in_page_owner());

	fprintf(verdict, "verdict planned=%u run=%u passed=%u failed=%u skipped=%u\n",
		totals.planned, totals.run, totals.passed, totals.failed, totals.skipped);
	fflush(verdict);
	fsync(fileno(verdict));
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}

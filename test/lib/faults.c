// SPDX-License-Identifier: MIT
/* See faults.h. */
#include "faults.h"

#include "guest.h"

#include <sys/mount.h>

#define DEBUGFS "/sys/kernel/debug/"
#define FAIL_NTH "/proc/thread-self/fail-nth"

static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void set_knob(const char *kind, const char *knob, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", kind, knob);
	WORKS(write_text(path, value));
}

/* Writes @what to the kernel's log, where init looks for exactly these words. */
static void tell_init(const char *what)
{
	WORKS(write_text("/dev/kmsg", what));
}

void faults_begin(void)
{
	mount("debug", DEBUGFS, "debugfs", 0, NULL);
	if (access(FAIL_NTH, R_OK | W_OK))
		test_skip("this kernel cannot make allocations fail: no " FAIL_NTH);
	for (size_t i = 0; i < KINDS; i++) {
		set_knob(kinds[i], "probability", "0");
		set_knob(kinds[i], "task-filter", "Y");
		set_knob(kinds[i], "times", "-1");
		set_knob(kinds[i], "verbose", "0");
	}
	set_knob("failslab", "ignore-gfp-wait", "N");
	set_knob("fail_page_alloc", "ignore-gfp-wait", "N");
	set_knob("fail_page_alloc", "ignore-gfp-highmem", "N");
	set_knob("fail_page_alloc", "min-order", "0");
	tell_init("test: allocations are made to fail from here on");
}

void faults_end(void)
{
	faults_at_random(false);
	tell_init("test: allocations are not made to fail any more");
}

void faults_at_random(bool is_on)
{
	for (size_t i = 0; i < KINDS; i++)
		set_knob(kinds[i], "probability", is_on ? "1" : "0");
	/*
	 * Copies fail less often than allocations; otherwise few signals and messages would arrive.
	 */
	set_knob("fail_usercopy", "interval", is_on ? "10" : "1");
}

void faults_for_me(void)
{
	WORKS(write_text("/proc/self/make-it-fail", "1"));
}

/*
 * Returns this thread's descriptor of fail-nth. An open file of fail-nth acts on the thread that
 * opened the file, so a forked child must not use the descriptor that it inherits.
 */
static int nth_fd(void)
{
	static __thread int fd = -1;
	static __thread pid_t owner;

	if (owner == gettid())
		return fd;
	if (fd >= 0)
		close(fd);
	fd = WORKS(open(FAIL_NTH, O_RDWR | O_CLOEXEC));
	owner = gettid();
	return fd;
}

void faults_arm(unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	/*
	 * This must be the last step before the operation under test: the kernel counts from here.
	 */
	EQUAL(pwrite(nth_fd(), text, length, 0), length);
}

bool faults_disarm(void)
{
	char text[16] = "";

	/* A fault that is still armed may hit this read or this write itself, so repeat them. */
	while (pread(nth_fd(), text, sizeof(text) - 1, 0) <= 0)
		;
	while (pwrite(nth_fd(), "0", 1, 0) != 1)
		;
	return strtoul(text, NULL, 10) == 0;
}

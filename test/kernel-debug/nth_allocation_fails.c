// SPDX-License-Identifier: MIT
/*
 * If any allocation, or any copy from or to the user, fails in a request to the device or in an
 * operation on its mappings, the operation reports the error and changes nothing: counters, content
 * and physical addresses are as before. The test makes each such place fail in turn (Faults A29,
 * A32, A45).
 */
#include "nth.h"
#include "pins.h"

/* Operations. Each returns 0 or an errno. */

static int do_open(void)
{
	int other = open(PINNED_MEM_DEVICE, O_RDWR | O_CLOEXEC), error = nth_error_of(other);

	if (other >= 0)
		close(other);
	return error;
}

static int do_info(void)
{
	struct pinned_mem_info info = { .size = sizeof(info) };

	return nth_error_of(ioctl(nth.fd, PINNED_MEM_IOC_INFO, &info));
}

static int do_populate(void)
{
	uint64_t answers[3];

	return nth_error_of(populate(nth.fd, NTH_FILLED, 3, answers));
}

static int other_pool;

static int do_populate_uncached(void)
{
	struct pinned_mem_populate request = populate_request(0, 2);

	request.memory_type = PINNED_MEM_TYPE_UNCACHED;
	return nth_error_of(ioctl(other_pool, PINNED_MEM_IOC_POPULATE, &request));
}

static int do_punch(void)
{
	return nth_error_of(punch(nth.fd, 1, 1));
}

static int do_query(void)
{
	struct pinned_mem_query found;

	return nth_error_of(query(nth.fd, CHUNK, &found));
}

static int do_sync(void)
{
	struct pinned_mem_sync request = {
		.size = sizeof(request),
		.flags = PINNED_MEM_SYNC_FOR_DEVICE,
		.length = NTH_FILLED * CHUNK,
	};

	return nth_error_of(ioctl(nth.fd, PINNED_MEM_IOC_SYNC, &request));
}

static int do_export(void)
{
	struct pinned_mem_export request = { .size = sizeof(request), .count = NTH_FILLED };
	int error = nth_error_of(ioctl(nth.fd, PINNED_MEM_IOC_EXPORT, &request));

	if (!error)
		close(request.fd);
	return error;
}

static char *own_memory;
static struct pin own_pin;

static int do_pin(void)
{
	return nth_error_of(pin_memory(nth.fd, own_memory, 40 * PAGE, &own_pin));
}

static void have_memory_to_pin(void)
{
	own_memory = new_memory(40 * PAGE);
	own_pin = (struct pin){ .notice = 1 };
}

static void unpin_own_memory(void)
{
	if (own_pin.id)
		WORKS(unpin(nth.fd, own_pin.id));
	EQUAL(pinned_pages(nth.fd), 0);
	WORKS(munmap(own_memory, 40 * PAGE));
}

static int do_mmap(void)
{
	void *other = mmap(NULL, CHUNK, RW, MAP_SHARED, nth.fd, 0);

	if (other == MAP_FAILED)
		return errno;
	/* This call may be the one that fails; the second attempt works. */
	if (munmap(other, CHUNK))
		WORKS(munmap(other, CHUNK));
	return 0;
}

/* do_munmap and do_mprotect split the mapping, where its slots are empty. */
static int do_munmap(void)
{
	return nth_error_of(munmap(nth.at + NTH_FILLED * CHUNK + PAGE, PAGE));
}

static int do_mprotect(void)
{
	return nth_error_of(mprotect(nth.at + NTH_FILLED * CHUNK + PAGE, PAGE, PROT_READ));
}

static int do_mremap(void)
{
	void *got = mremap(nth.at + (NTH_SLOTS - 1) * CHUNK, PAGE, PAGE,
			   MREMAP_MAYMOVE | MREMAP_FIXED, nth.at + NTH_SLOTS * CHUNK);

	if (got == MAP_FAILED)
		return errno;
	if (munmap(got, PAGE))
		WORKS(munmap(got, PAGE));
	return 0;
}

/* The kernel retries a fault that finds no memory, and the second attempt succeeds. */
static int do_first_touch(void)
{
	EQUAL(signal_of_read(nth.at), 0);
	EQUAL(signal_of_read(nth.at + CHUNK), 0);
	return 0;
}

static int do_access_from_outside(void)
{
	char byte;

	return nth_error_of(pread(other_pool, &byte, 1, (off_t)(uintptr_t)nth.at + 5));
}

/* Fork. A page of a snapshot has its content as of the fork, or no memory was left for it. */

static void snapshot_is_right_or_missing(void *arg)
{
	(void)arg;
	for (unsigned long page = 0; page < NTH_PAGES; page += NTH_PAGE_STEP)
		if (!signal_of_read(nth.at + page * PAGE))
			FILLED(nth.at + page * PAGE, PAGE, page);
}

static int do_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (!pid) {
		snapshot_is_right_or_missing(NULL);
		_exit(0);
	}
	ENDED_WELL(pid);
	return 0;
}

static struct gate child_may_look;

static void wait_and_look(void *arg)
{
	wait_at(&child_may_look);
	snapshot_is_right_or_missing(arg);
}

static pid_t child;

static void have_a_child(void)
{
	child = spawn(wait_and_look, NULL);
}

static void child_looks(void)
{
	let_pass(&child_may_look);
	ENDED_WELL(child);
}

/* This write first makes copies for the child. */
static int do_write_after_fork(void)
{
	*(volatile uint64_t *)(nth.at + 5 * PAGE) = 1;
	*(volatile uint64_t *)(nth.at + CHUNK + 9 * PAGE) = 1;
	return 0;
}

static void have_other_pool(void)
{
	other_pool = open_pool();
}

static void have_own_memory(void)
{
	other_pool = WORKS(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
}

static void close_other(void)
{
	close(other_pool);
}

static const struct nth_operation operations[] = {
	{ "open", do_open, NULL, NULL, ENFILE },
	{ "INFO", do_info, NULL, NULL, 0 },
	{ "POPULATE", do_populate, NULL, NULL, 0 },
	{ "POPULATE, uncached", do_populate_uncached, have_other_pool, close_other, 0 },
	{ "PUNCH", do_punch, NULL, NULL, 0 },
	{ "PUNCH after fork", do_punch, have_a_child, child_looks, 0 },
	{ "QUERY", do_query, NULL, NULL, 0 },
	{ "SYNC", do_sync, NULL, NULL, 0 },
	{ "EXPORT", do_export, NULL, NULL, ENFILE },
	{ "PIN", do_pin, have_memory_to_pin, unpin_own_memory, 0 },
	{ "mmap", do_mmap, NULL, NULL, 0 },
	{ "munmap", do_munmap, NULL, NULL, 0 },
	{ "mprotect", do_mprotect, NULL, NULL, 0 },
	{ "mremap", do_mremap, NULL, NULL, 0 },
	{ "first touch", do_first_touch, NULL, NULL, 0 },
	{ "access from outside", do_access_from_outside, have_own_memory, close_other, EIO },
	{ "fork", do_fork, NULL, NULL, EAGAIN },
	{ "write after fork", do_write_after_fork, have_a_child, child_looks, 0 },
};

/* Makes an allocation fail during the child's own first access to a page. */
static void touch_failing(void *arg)
{
	unsigned int n = *(unsigned int *)arg;
	bool has_failed;

	faults_arm(n);
	signal_of_read(nth.at + 3 * NTH_PAGE_STEP * PAGE);
	has_failed = faults_disarm();
	snapshot_is_right_or_missing(NULL);
	_exit(has_failed ? 3 : 0);
}

static void child_touches(void)
{
	int status = 3 << 8;
	unsigned int n;

	for (n = 1; WEXITSTATUS(status) == 3; n++) {
		nth_set_up();
		EQUAL(waitpid(spawn(touch_failing, &n), &status, 0) > 0, 1);
		CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3));
		nth_all_is_as_before();
		nth_tear_down();
	}
	printf("first touch by a child: less than %u places to fail\n", n - 1);
}

int main(void)
{
	nth_begin();
	child_may_look = make_gate();
	nth_try_all(operations, sizeof(operations) / sizeof(*operations));
	child_touches();
	nth_end();
	return 0;
}

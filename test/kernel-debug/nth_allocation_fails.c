// SPDX-License-Identifier: MIT
/*
 * Each operation is done again and again, and each time another one of its
 * allocations, or of its copies from and to user memory, fails: the first, the
 * second, ... until it comes through (of many in a row that are alike, some). What fails says so, and has changed nothing:
 * counters, content and physical addresses are as before (Faults A29, A32, A45).
 */
#include "faults.h"
#include "guest.h"

#define FILLED_SLOTS 2UL
#define SLOTS 5UL
#define PAGES (FILLED_SLOTS * CHUNK_PAGES)
/* Prime to the chunk's pages: any of them comes up. */
#define PAGE_STEP 61
/* From then on it is one page of a chunk after the other. */
#define ALIKE_FROM 80
#define ALIKE_STEP 37
#define PLACES_MAX 5000
#define QUARANTINE "/sys/module/pinned_mem/parameters/quarantine_ms"

/* Each try begins with a pool of its own: two slots filled, all mapped, none touched since. */
static int fd;
static char *at;
static uint64_t phys[SLOTS];
static struct pinned_mem_info before;

static void set_up(void)
{
	fd = open_pool();
	WORKS(populate(fd, 0, FILLED_SLOTS, phys));
	at = map_slots(fd, 0, SLOTS);
	for (unsigned long page = 0; page < PAGES; page += PAGE_STEP)
		fill(at + page * PAGE, PAGE, page);
	map_again(fd, at, 0, SLOTS);
	before = info_of(fd);
}

static void tear_down(void)
{
	WORKS(munmap(at, SLOTS * CHUNK));
	close(fd);
	COMES_TO_USE(0);
	COMES_TO_COPIES(0);
}

static void all_is_as_before(void)
{
	UNCHANGED(fd, before);
	for (unsigned long page = 0; page < PAGES; page += PAGE_STEP)
		FILLED(at + page * PAGE, PAGE, page);
	for (unsigned long slot = 0; slot < FILLED_SLOTS; slot++) {
		EQUAL(signal_of_read(at + slot * CHUNK), 0);
		EQUAL(phys_of(at + slot * CHUNK), phys[slot]);
	}
}

/* Operations. Each gives 0 or an errno. */

static int error_of(long result)
{
	return result == -1 ? errno : 0;
}

static int do_open(void)
{
	int other = open(PINNED_MEM_DEVICE, O_RDWR | O_CLOEXEC), error = error_of(other);

	if (other >= 0)
		close(other);
	return error;
}

static int do_info(void)
{
	struct pinned_mem_info info = { .size = sizeof(info) };

	return error_of(ioctl(fd, PINNED_MEM_IOC_INFO, &info));
}

static int do_populate(void)
{
	uint64_t answers[3];

	return error_of(populate(fd, FILLED_SLOTS, 3, answers));
}

static int other_pool;

static int do_populate_uncached(void)
{
	struct pinned_mem_populate request = populate_request(0, 2);

	request.memory_type = PINNED_MEM_TYPE_UNCACHED;
	return error_of(ioctl(other_pool, PINNED_MEM_IOC_POPULATE, &request));
}

static int do_punch(void)
{
	return error_of(punch(fd, 1, 1));
}

static int do_query(void)
{
	struct pinned_mem_query found;

	return error_of(query(fd, CHUNK, &found));
}

static int do_sync(void)
{
	struct pinned_mem_sync request = {
		.size = sizeof(request),
		.flags = PINNED_MEM_SYNC_FOR_DEVICE,
		.length = FILLED_SLOTS * CHUNK,
	};

	return error_of(ioctl(fd, PINNED_MEM_IOC_SYNC, &request));
}

static int do_export(void)
{
	struct pinned_mem_export request = { .size = sizeof(request), .count = FILLED_SLOTS };
	int error = error_of(ioctl(fd, PINNED_MEM_IOC_EXPORT, &request));

	if (!error)
		close(request.fd);
	return error;
}

static int do_mmap(void)
{
	void *other = mmap(NULL, CHUNK, RW, MAP_SHARED, fd, 0);

	if (other == MAP_FAILED)
		return errno;
	/* This may be what fails; then once. */
	if (munmap(other, CHUNK))
		WORKS(munmap(other, CHUNK));
	return 0;
}

/* These two split the mapping, where slots are empty. */
static int do_munmap(void)
{
	return error_of(munmap(at + FILLED_SLOTS * CHUNK + PAGE, PAGE));
}

static int do_mprotect(void)
{
	return error_of(mprotect(at + FILLED_SLOTS * CHUNK + PAGE, PAGE, PROT_READ));
}

static int do_mremap(void)
{
	void *got = mremap(at + (SLOTS - 1) * CHUNK, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			   at + SLOTS * CHUNK);

	if (got == MAP_FAILED)
		return errno;
	if (munmap(got, PAGE))
		WORKS(munmap(got, PAGE));
	return 0;
}

/* A fault without memory is tried again, and what fails once has it then. */
static int do_first_touch(void)
{
	EQUAL(signal_of_read(at), 0);
	EQUAL(signal_of_read(at + CHUNK), 0);
	return 0;
}

static int do_access_from_outside(void)
{
	char byte;

	return error_of(pread(other_pool, &byte, 1, (off_t)(uintptr_t)at + 5));
}

/* Fork. A page of a snapshot is what it was, or there was no memory for it. */

static void snapshot_is_right_or_missing(void *arg)
{
	(void)arg;
	for (unsigned long page = 0; page < PAGES; page += PAGE_STEP)
		if (!signal_of_read(at + page * PAGE))
			FILLED(at + page * PAGE, PAGE, page);
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

/* Copies are made for the child first. */
static int do_write_after_fork(void)
{
	*(volatile uint64_t *)(at + 5 * PAGE) = 1;
	*(volatile uint64_t *)(at + CHUNK + 9 * PAGE) = 1;
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

static const struct operation {
	const char *name;
	int (*run)(void);
	void (*prepare)(void); /* before, with nothing failing */
	void (*finish)(void);
	int also; /* an error that it may give besides ENOMEM and EFAULT */
} operations[] = {
	{ "open", do_open, NULL, NULL, ENFILE },
	{ "INFO", do_info, NULL, NULL, 0 },
	{ "POPULATE", do_populate, NULL, NULL, 0 },
	{ "POPULATE, uncached", do_populate_uncached, have_other_pool, close_other, 0 },
	{ "PUNCH", do_punch, NULL, NULL, 0 },
	{ "PUNCH after fork", do_punch, have_a_child, child_looks, 0 },
	{ "QUERY", do_query, NULL, NULL, 0 },
	{ "SYNC", do_sync, NULL, NULL, 0 },
	{ "EXPORT", do_export, NULL, NULL, ENFILE },
	{ "mmap", do_mmap, NULL, NULL, 0 },
	{ "munmap", do_munmap, NULL, NULL, 0 },
	{ "mprotect", do_mprotect, NULL, NULL, 0 },
	{ "mremap", do_mremap, NULL, NULL, 0 },
	{ "first touch", do_first_touch, NULL, NULL, 0 },
	{ "access from outside", do_access_from_outside, have_own_memory, close_other, EIO },
	{ "fork", do_fork, NULL, NULL, EAGAIN },
	{ "write after fork", do_write_after_fork, have_a_child, child_looks, 0 },
};

/* Return: whether something was made to fail. */
static bool try_once(const struct operation *operation, unsigned int n)
{
	bool has_failed;
	int error;

	set_up();
	if (operation->prepare)
		operation->prepare();
	faults_arm(n);
	error = operation->run();
	has_failed = faults_disarm();
	if (error && !has_failed)
		FAIL("%s, with nothing failing: expected success, got %s", operation->name,
		     strerrorname_np(error));
	if (error && error != ENOMEM && error != EFAULT && error != operation->also)
		FAIL("%s, with number %u failing: expected ENOMEM, got %s", operation->name, n,
		     strerrorname_np(error));
	if (error)
		all_is_as_before();
	if (operation->finish)
		operation->finish();
	tear_down();
	return has_failed;
}

static void try_all(const struct operation *operation)
{
	unsigned int n = 1;

	while (try_once(operation, n)) {
		n += n < ALIKE_FROM ? 1 : ALIKE_STEP;
		if (n > PLACES_MAX)
			FAIL("%s: still failing at number %u", operation->name, n);
	}
	printf("%s: less than %u places to fail\n", operation->name, n);
	fflush(stdout);
}

/* In the child itself: what it touches first, and its own fork. */
static void touch_failing(void *arg)
{
	unsigned int n = *(unsigned int *)arg;
	bool has_failed;

	faults_arm(n);
	signal_of_read(at + 3 * PAGE_STEP * PAGE);
	has_failed = faults_disarm();
	snapshot_is_right_or_missing(NULL);
	_exit(has_failed ? 3 : 0);
}

static void child_touches(void)
{
	int status = 3 << 8;
	unsigned int n;

	for (n = 1; WEXITSTATUS(status) == 3; n++) {
		set_up();
		EQUAL(waitpid(spawn(touch_failing, &n), &status, 0) > 0, 1);
		CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3));
		all_is_as_before();
		tear_down();
	}
	printf("first touch by a child: less than %u places to fail\n", n - 1);
}

int main(void)
{
	char rest_ms[24];

	faults_begin();
	child_may_look = make_gate();
	/* Each try leaves chunks whose addresses it was told; they need not rest meanwhile. */
	snprintf(rest_ms, sizeof(rest_ms), "%lu", read_number(QUARANTINE));
	WORKS(write_text(QUARANTINE, "0"));
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		try_all(&operations[i]);
	child_touches();
	faults_end();
	WORKS(write_text(QUARANTINE, rest_ms));
	return 0;
}

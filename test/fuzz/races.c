// SPDX-License-Identifier: MIT
/*
 * The fuzzer's races: threads do every operation on one pool and one range of addresses at the
 * same time. The content of a page is then unknown, but it must come from this process or from one
 * of its ancestors, or be zero (Faults A12, A13, A42).
 */
#include "fuzz.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#include "../kernel/vendor_sample/vendor_sample.h"

static int fd;
static char *window;
static pthread_barrier_t all_are_there;

static char *any_page(struct fuzz_random *r)
{
	return window + fuzz_below(r, SLOTS * CHUNK_PAGES) * PAGE;
}

static void must_be_own(uint64_t value)
{
	if (!fuzz_is_own(value))
		WRONG("race: got %#llx, which is another process's", (unsigned long long)value);
}

static void race_touch(struct fuzz_random *r)
{
	char *at = any_page(r);
	uint64_t value;

	if (!fuzz_try_read(at, &value))
		must_be_own(value);
	fuzz_try_write(at + 8 * fuzz_below(r, PAGE / 8), (uint64_t)fuzz.tags[0] << 32 | 1);
}

static void race_populate(struct fuzz_random *r)
{
	populate(fd, fuzz_below(r, SLOTS), 1 + fuzz_below(r, 2), NULL);
}

static void race_punch(struct fuzz_random *r)
{
	punch(fd, fuzz_below(r, SLOTS), 1);
}

static void race_query(struct fuzz_random *r)
{
	struct pinned_mem_query found;

	query(fd, fuzz_below(r, SLOTS) * CHUNK, &found);
}

static void race_export(struct fuzz_random *r)
{
	struct pinned_mem_export request = {
		.size = sizeof(request),
		.offset = fuzz_below(r, SLOTS) * CHUNK,
		.count = 1,
	};

	if (!ioctl(fd, PINNED_MEM_IOC_EXPORT, &request))
		close(request.fd);
}

static void race_map(struct fuzz_random *r)
{
	unsigned long slot = fuzz_below(r, SLOTS), phase = fuzz_below(r, 2) * PAGE;
	unsigned long count = 1 + fuzz_below(r, SLOTS - slot);

	/*
	 * Some mappings are misaligned, so that the same chunk is mapped huge and by small pages.
	 */
	mmap(window + slot * CHUNK, count * CHUNK - phase, RW, MAP_SHARED | MAP_FIXED, fd,
	     (off_t)(slot * CHUNK + phase));
}

static void race_unmap(struct fuzz_random *r)
{
	munmap(any_page(r), (1 + fuzz_below(r, 16)) * PAGE);
}

static void race_advise(struct fuzz_random *r)
{
	madvise(any_page(r), (1 + fuzz_below(r, 1024)) * PAGE, MADV_DONTNEED);
}

static void race_protect(struct fuzz_random *r)
{
	mprotect(any_page(r), (1 + fuzz_below(r, 600)) * PAGE, fuzz_once_in(r, 3) ? PROT_READ : RW);
}

static void race_pin(struct fuzz_random *r)
{
	struct iovec iov = { any_page(r), PAGE };
	uint64_t words[PAGE_MAX / sizeof(uint64_t)];
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return;
	if (vmsplice(fds[1], &iov, 1, 0) == (ssize_t)PAGE) {
		race_punch(r);
		if (read(fds[0], words, PAGE) == (ssize_t)PAGE)
			for (size_t i = 0; i < PAGE / sizeof(*words); i++)
				must_be_own(words[i]);
	}
	close(fds[0]);
	close(fds[1]);
}

/*
 * Lends memory to the sample of a vendor's driver, which the driver tells when the owner, in any
 * thread, lets go of it. The sample then releases the memory, or keeps it until the file is closed.
 */
static void race_lend(struct fuzz_random *r)
{
	struct vendor_request request = {
		.addr = (uintptr_t)any_page(r),
		.length = (1 + fuzz_below(r, 2 * CHUNK_PAGES)) * PAGE,
		.to_memory = fuzz_below(r, 2),
	};
	int vendor = open(VENDOR_DEVICE, O_RDWR | O_CLOEXEC);

	if (vendor < 0)
		return;
	if (!ioctl(vendor, VENDOR_IOC_HOLD_REVOCABLE, &request)) {
		fuzz_count(&totals->lent);
		if (fuzz_once_in(r, 2))
			race_punch(r);
	}
	close(vendor);
}

/* The child makes only system calls, because other threads may have held locks at the fork. */
static void race_fork(struct fuzz_random *r)
{
	int status, touches = fuzz_below(r, 40);
	bool is_killed = fuzz_once_in(r, 4);
	pid_t pid = fork();

	if (!pid) {
		while (touches--)
			race_touch(r);
		_exit(0);
	}
	if (pid < 0)
		return;
	if (is_killed)
		kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || (!is_killed && !fuzz_ended_well(status)))
		WRONG("race: a forked child ended with status %#x", status);
}

static void (*const races[])(struct fuzz_random *r) = {
	race_touch, race_touch, race_touch, race_touch,	 race_populate, race_populate,
	race_punch, race_map,	race_map,   race_unmap,	 race_advise,	race_protect,
	race_pin,   race_query, race_fork,  race_export, race_lend,
};

static void *race(void *arg)
{
	struct fuzz_random random = { .state = (uintptr_t)arg };

	/* After this the window gets holes, and a thread's stack must not be mapped there. */
	pthread_barrier_wait(&all_are_there);
	while (now_ns() < fuzz.deadline_ns) {
		races[fuzz_below(&random, sizeof(races) / sizeof(*races))](&random);
		fuzz_count(&totals->steps);
	}
	return NULL;
}

static void start_thread(pthread_t *id, uint64_t seed)
{
	errno = pthread_create(id, NULL, race, (void *)(uintptr_t)seed);
	/* Threads that wait at the barrier end together with the process. */
	if (errno && !fuzz_worked("pthread_create()", -1))
		_exit(0);
}

void races_run(uint64_t seed, unsigned int threads)
{
	pthread_t ids[16];

	fuzz.doing = "race";
	fuzz_take_tag();
	fuzz_count(&totals->processes);
	window = find_addresses(SLOTS * CHUNK, 0);
	fuzz_be_starved();
	fd = open(PINNED_MEM_DEVICE, O_RDWR | O_CLOEXEC);
	if (!fuzz_worked("open()", fd))
		return;
	/* Map the whole window, because the threads' stacks are mapped next. */
	if (mmap(window, SLOTS * CHUNK, RW, MAP_SHARED | MAP_FIXED, fd, 0) != window)
		return (void)fuzz_worked("mmap()", -1);
	pthread_barrier_init(&all_are_there, NULL, threads);
	for (unsigned int i = 0; i < threads; i++)
		start_thread(&ids[i], seed + i * 7919);
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
}

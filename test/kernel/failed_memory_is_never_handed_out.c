// SPDX-License-Identifier: MIT
/*
 * If a page of memory fails, the driver loses only the chunk that contains the page. The chunk is
 * never handed out again, whether an owner returned it or it was free in the reserve; it is
 * counted, and charged to nobody. A forked child's copies are made without reading the failed page
 * (Faults C15).
 */
#include "guest.h"

#define SYSFS "/sys/class/misc/pinned_mem/"
#define SLOTS 4U

#ifndef MADV_HWPOISON
#define MADV_HWPOISON 100
#endif

static uint64_t failed;

static int take(int fd, unsigned long slot, unsigned int count, unsigned int source, uint64_t *phys)
{
	struct pinned_mem_populate request = populate_request(slot, count);

	request.sources = source;
	request.phys_ptr = (uintptr_t)phys;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static void ignore(int signal_number)
{
	(void)signal_number;
}

/*
 * The kernel may report that it could not isolate the page, and newer kernels then also send
 * SIGBUS; it marks the page as failed all the same.
 */
static void fails(char *at)
{
	struct sigaction action = { .sa_handler = ignore };
	int result;

	WORKS(sigaction(SIGBUS, &action, NULL));
	result = madvise(at, PAGE, MADV_HWPOISON);
	if (result && errno == EINVAL)
		test_skip("this kernel has no memory failures");
	if (result && errno != EBUSY)
		EQUAL(errno, EHWPOISON);
}

static void nobody_gets_it(int fd, unsigned int count, unsigned int source)
{
	uint64_t phys[64];
	char *at = map_slots(fd, 0, count);

	WORKS(take(fd, 0, count, source, phys));
	for (unsigned int i = 0; i < count; i++)
		CHECK(phys[i] != failed);
	/* These accesses do not touch the failed page. */
	touch_pages(at, count * CHUNK);
	WORKS(punch(fd, 0, count));
	WORKS(munmap(at, count * CHUNK));
}

static void comes_to(const char *file, unsigned long number)
{
	uint64_t end = now_ns() + 10000000000ULL;

	while (read_number(file) != number && now_ns() < end)
		usleep(1000);
	EQUAL(read_number(file), number);
}

static void in_use(unsigned int source, unsigned int others)
{
	unsigned long poisoned = read_number(SYSFS "poisoned_chunks");
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);
	uint64_t phys[SLOTS];

	WORKS(take(fd, 0, SLOTS, source, phys));
	touch_pages(at, SLOTS * CHUNK);
	fails(at + CHUNK + 7 * PAGE);
	failed = phys[1];
	/* The other chunks of the pool are unchanged. */
	touch_pages(at + 2 * CHUNK, 2 * CHUNK);
	WORKS(munmap(at, SLOTS * CHUNK));
	WORKS(punch(fd, 0, SLOTS));
	comes_to(SYSFS "poisoned_chunks", poisoned + 1);
	COMES_TO_USE(0);
	EQUAL(info_of(fd).user_chunks, 0);
	nobody_gets_it(fd, others, source);
	close(fd);
}

static char *inherited;

/*
 * The page of which the kernel knows is lost, for reading and for writing; all others are what they
 * were at the fork.
 */
static void child(void *arg)
{
	wait_at(arg);
	EQUAL(signal_of_write(inherited + 7 * PAGE), SIGBUS);
	EQUAL(signal_of_read(inherited + 7 * PAGE), SIGBUS);
	FILLED(inherited, 7 * PAGE, 5);
	fill(inherited, 7 * PAGE, 6);
	EQUAL(signal_of_read(inherited + 8 * PAGE), 0);
	EQUAL(signal_of_write(inherited + CHUNK - PAGE), 0);
}

/* A fork copies nothing from a failed page, and the child lacks that page only. */
static void is_not_copied(void)
{
	struct gate may_look = make_gate();
	int fd = open_pool();
	pid_t pid;

	WORKS(take(fd, 0, 1, PINNED_MEM_SOURCE_BUDDY, &failed));
	inherited = map_slots(fd, 0, 1);
	fill(inherited, 7 * PAGE, 5);
	fails(inherited + 7 * PAGE);
	pid = spawn(child, &may_look);
	/* Makes the copies that the child lacks. */
	fill(inherited, 6 * PAGE, 8);
	EQUAL(signal_of_write(inherited + 9 * PAGE), 0);
	let_pass(&may_look);
	ENDED_WELL(pid);
	FILLED(inherited, 6 * PAGE, 8);
	WORKS(munmap(inherited, CHUNK));
	close(fd);
	COMES_TO_USE(0);
}

int main(void)
{
	COMES_TO_USE(0);
	/* Resting chunks of an earlier test are still charged to this user. */
	comes_to(SYSFS "resting_chunks", 0);
	WORKS(write_text(SYSFS "reserve_chunks", "8"));
	in_use(PINNED_MEM_SOURCE_RESERVE, 7);
	/* The reserve contains one chunk less than its size. */
	EQUAL(read_number(SYSFS "reserve_free_chunks"), 7);
	REFUSED(take(open_pool(), 0, 8, PINNED_MEM_SOURCE_RESERVE, NULL), ENOMEM);
	WORKS(write_text(SYSFS "reserve_chunks", "0"));
	in_use(PINNED_MEM_SOURCE_BUDDY, 64);
	is_not_copied();
	return 0;
}

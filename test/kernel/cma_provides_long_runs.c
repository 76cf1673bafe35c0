// SPDX-License-Identifier: MIT
/*
 * On kernels with a contiguous memory allocator (CMA), it provides runs that are longer than the
 * page allocator's largest block. Runs are zeroed. A request is fulfilled whole or not at all, and
 * a failure leaves no message in the kernel log. The chunks work with forks and pins as others do,
 * and CMA gets a run's memory back when the last chunk of the run is freed (Faults A16, A29, A30,
 * A45).
 */
#include "guest.h"

/* 20 MiB; the page allocator's longest block is 4 MiB on Debian's kernels. */
#define RUN 10U

static int kmsg;

static int populate_cma(int fd, unsigned int count, uint32_t flags, uint64_t *phys)
{
	struct pinned_mem_populate request = populate_request(0, count);

	request.flags = flags;
	request.sources = PINNED_MEM_SOURCE_CMA;
	request.phys_ptr = (uintptr_t)phys;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

static void log_is_silent(void)
{
	char record[2048];
	ssize_t n;

	while ((n = read(kmsg, record, sizeof(record) - 1)) > 0) {
		record[n] = '\0';
		CHECK(!strstr(record, "cma") && !strstr(record, "alloc") &&
		      !strstr(record, MODULE));
	}
	EQUAL(errno, EAGAIN);
}

static void child_sees_a_snapshot(void *arg)
{
	FILLED(arg, RUN * CHUNK, 3);
	fill(arg, RUN * CHUNK, 4);
	FILLED(arg, RUN * CHUNK, 4);
}

static void is_one_run(int fd, char *at, const uint64_t *phys)
{
	struct pinned_mem_query found;

	for (unsigned int i = 0; i < RUN; i++) {
		EQUAL(phys[i] % CHUNK, 0);
		EQUAL(phys[i], phys[0] + i * CHUNK);
		EQUAL(phys_of(at + i * CHUNK), phys[i]);
	}
	WORKS(query(fd, 77, &found));
	EQUAL(found.phys, phys[0] + 77);
	EQUAL(found.length, RUN * CHUNK - 77);
	EQUAL(found.source, PINNED_MEM_SOURCE_CMA);
}

static void a_run(void)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, RUN);
	uint64_t phys[RUN];

	WORKS(populate_cma(fd, RUN, PINNED_MEM_F_CONTIGUOUS, phys));
	CHECK(meminfo_kib("CmaFree") + RUN * CHUNK / 1024 <= meminfo_kib("CmaTotal"));
	ZEROED(at, RUN * CHUNK);
	fill(at, RUN * CHUNK, 3);
	is_one_run(fd, at, phys);
	kernel_pins(at + 5 * PAGE);
	ENDED_WELL(spawn(child_sees_a_snapshot, at));
	FILLED(at, RUN * CHUNK, 3);
	is_one_run(fd, at, phys);
	/* Punches the middle of the run, then its first chunk. */
	WORKS(punch(fd, 4, 2));
	WORKS(punch(fd, 0, 1));
	EQUAL(signal_of_read(at + 4 * CHUNK), SIGBUS);
	for (unsigned int i = 6; i < RUN; i++)
		EQUAL(phys_of(at + i * CHUNK), phys[i]);
	EQUAL(used_chunks(), RUN - 3);
	close(fd);
	WORKS(munmap(at, RUN * CHUNK));
	COMES_TO_USE(0);
}

/* Takes each chunk by an allocation of its own. */
static void single_chunks(void)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, 3);
	struct pinned_mem_query found;

	WORKS(populate_cma(fd, 3, 0, NULL));
	ZEROED(at, 3 * CHUNK);
	fill(at, 3 * CHUNK, 7);
	WORKS(query(fd, 2 * CHUNK, &found));
	EQUAL(found.source, PINNED_MEM_SOURCE_CMA);
	FILLED(at, 3 * CHUNK, 7);
	close(fd);
	WORKS(munmap(at, 3 * CHUNK));
	COMES_TO_USE(0);
}

/* Asking for all of CMA's memory fails, since the driver needs more alignment than CMA gives. */
static void more_than_there_is(int fd)
{
	const unsigned long all = meminfo_kib("CmaTotal") * 1024 / CHUNK;
	struct pinned_mem_info before = info_of(fd);

	lseek(kmsg, 0, SEEK_END);
	REFUSED(populate_cma(fd, all, PINNED_MEM_F_CONTIGUOUS, NULL), ENOMEM);
	REFUSED(populate_cma(fd, all, 0, NULL), ENOMEM);
	log_is_silent();
	UNCHANGED(fd, before);
}

/*
 * If each round lost a chunk, memory would run out before the last round. CmaFree is no proof,
 * since freed pages may stay in per-CPU lists for a while.
 */
static void all_comes_back(void)
{
	const unsigned long rounds = meminfo_kib("CmaTotal") * 1024 / CHUNK;
	int fd = open_pool();

	for (unsigned long i = 0; i < rounds; i++) {
		if (i % 16 == 0)
			more_than_there_is(fd);
		WORKS(populate_cma(fd, RUN, PINNED_MEM_F_CONTIGUOUS, NULL));
		WORKS(punch(fd, 0, RUN));
	}
	close(fd);
}

int main(void)
{
	if (!meminfo_kib("CmaTotal"))
		test_skip("the kernel has no contiguous memory allocator, or no memory for it");
	kmsg = WORKS(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	WORKS(write_text("/sys/module/pinned_mem/parameters/quarantine_ms", "0"));
	for (int i = 0; i < 3; i++)
		a_run();
	single_chunks();
	all_comes_back();
	a_run();
	WORKS(write_text("/sys/module/pinned_mem/parameters/quarantine_ms", "1000"));
	return 0;
}

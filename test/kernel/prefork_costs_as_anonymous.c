// SPDX-License-Identifier: MIT
/*
 * A server that forks workers over a large heap needs no more memory than with anonymous memory:
 * workers that only read the heap share it, but for page tables, by the sum of proportional set
 * sizes and by the system's free memory. Each page that a worker writes costs one page (Faults C4).
 *
 * usage: prefork_costs_as_anonymous [MIB]
 */
#include "guest.h"

#define WORKERS_MAX 16
#define PAGE_KIB (PAGE / 1024)
/* Stacks, process tables and other memory that differs from round to round. */
#define SLACK_KIB 6144UL

struct cost {
	unsigned long pss, used;
};

static char *heap;
static size_t length;
static unsigned int written;

static void worker(void *arg)
{
	struct gate *gates = arg;
	uint64_t sum = 0;

	for (size_t i = 0; i < length; i += PAGE)
		sum += *(volatile uint64_t *)(heap + i);
	for (size_t i = 0; i < written; i++)
		++*(volatile uint64_t *)(heap + i * PAGE);
	EQUAL(sum, length / PAGE);
	let_pass(&gates[0]);
	wait_at(&gates[1]);
}

/* Counts the heap only: the test's other mappings are small, and the same each time. */
static unsigned long pss_kib(pid_t pid)
{
	unsigned long start, end, kib, sum = 0;
	char path[64], line[512];
	bool is_heap = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	file = fopen(path, "re");
	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			is_heap = start >= (uintptr_t)heap && start < (uintptr_t)heap + length;
		else if (is_heap && sscanf(line, "Pss: %lu kB", &kib) == 1)
			sum += kib;
	}
	fclose(file);
	return sum;
}

static struct cost cost_of(int workers)
{
	struct gate gates[2] = { make_gate(), make_gate() };
	unsigned long before = free_memory_kib();
	struct cost cost = { 0, 0 };
	pid_t pids[WORKERS_MAX];

	for (int i = 0; i < workers; i++)
		pids[i] = spawn(worker, gates);
	for (int i = 0; i < workers; i++)
		wait_at(&gates[0]);
	for (int i = 0; i < workers; i++)
		cost.pss += pss_kib(pids[i]);
	cost.pss += pss_kib(getpid());
	cost.used = before - free_memory_kib();
	if ((long)cost.used < 0)
		cost.used = 0;
	for (int i = 0; i < workers; i++)
		let_pass(&gates[1]);
	for (int i = 0; i < workers; i++)
		ENDED_WELL(pids[i]);
	for (int i = 0; i < 4; i++)
		close(gates[i / 2].fds[i % 2]);
	return cost;
}

static void fill_heap(void)
{
	for (size_t i = 0; i < length; i += PAGE)
		*(volatile uint64_t *)(heap + i) = 1;
}

static void compare(struct cost anonymous, struct cost pinned, int workers)
{
	/*
	 * A page of page table maps 512 pages. Anonymous memory has huge entries, which fork copies
	 * as such.
	 */
	unsigned long tables = (workers + 1) * (length / 1024 / 512 + PAGE_KIB);

	printf("%zu MiB, %d workers, %u pages written by each: PSS %lu KiB, system %lu KiB; "
	       "anonymous %lu, %lu\n",
	       length >> 20, workers, written, pinned.pss, pinned.used, anonymous.pss,
	       anonymous.used);
	if (pinned.pss > length / 1024 + workers * written * PAGE_KIB + workers * PAGE_KIB * 8)
		FAIL("the heap's PSS is %lu KiB", pinned.pss);
	if (pinned.used > anonymous.used + tables + SLACK_KIB)
		FAIL("the system lost %lu KiB, with anonymous memory %lu", pinned.used,
		     anonymous.used);
}

int main(int argc, char **argv)
{
	static const int workers[] = { 1, 4, WORKERS_MAX };
	struct cost anonymous[6], pinned[6];
	int fd = open_pool();

	length = (argc > 1 ? strtoul(argv[1], NULL, 0) : 32) << 20;
	heap = mmap(NULL, length, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(heap != MAP_FAILED);
	/* With huge entries, each written page would cost a chunk. */
	use_small_pages(heap, length);
	fill_heap();
	for (int i = 0; i < 6; i++) {
		written = i < 3 ? 0 : 64;
		anonymous[i] = cost_of(workers[i % 3]);
	}
	WORKS(munmap(heap, length));
	WORKS(populate(fd, 0, length / CHUNK, NULL));
	heap = map_slots(fd, 0, length / CHUNK);
	fill_heap();
	for (int i = 0; i < 6; i++) {
		written = i < 3 ? 0 : 64;
		pinned[i] = cost_of(workers[i % 3]);
	}
	for (int i = 0; i < 6; i++) {
		written = i < 3 ? 0 : 64;
		compare(anonymous[i], pinned[i], workers[i % 3]);
	}
	return 0;
}

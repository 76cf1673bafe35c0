// SPDX-License-Identifier: MIT
/*
 * When free memory is fragmented, POPULATE moves movable pages and so gets more chunks than a plain
 * allocation does. At the end it fails with ENOMEM, no process is killed, and the moved pages keep
 * their content. Prints the figures (Faults A27, A30).
 *
 * To fragment memory, the test fills it with anonymous pages, with pages of pipes in between, which
 * cannot be moved; then it frees every other anonymous page. So half of the memory is free, in
 * single pages. Each measurement starts from this state.
 */
#include "guest.h"

#include <sched.h>
#include <sys/resource.h>

#include "plain_alloc.h"

/* Memory to fragment. The driver holds the rest, since the test would take minutes otherwise. */
#define BROKEN_MIB 400UL
/* Kept free of what counts as available, so that no process is killed before the test begins. */
#define MARGIN_MIB 64UL
/* Pipes of 1 MiB each, which fill a fifth of the fragmented memory. */
#define PIPES 80
#define PIPE_SIZE ((size_t)1 << 20)
#define SLACK_KIB (16 * 1024)
#define ROUNDS 1

/* Flags of /proc/kpageflags: movable pages (LRU), and free pages (buddy). */
#define IS_MOVABLE (1ULL << 5 | 1ULL << 10)

struct result {
	const char *what;
	unsigned long free_chunks, possible_chunks, chunks;
	uint64_t first_ns, all_ns;
};

static char *pages;
/* The pages that are resident while memory is full; later, pages of pipes replace some of them. */
static size_t n_pages, n_even;
static int pipes[PIPES][2];

/* Stays on one CPU: each CPU caches so many free pages that several would spoil the figures. */
static void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	WORKS(sched_setaffinity(0, sizeof(one), &one));
}

/* Fragmenting memory. */

static void hold_the_rest(int fd)
{
	unsigned long chunks = meminfo_kib("MemAvailable") / 1024 * 1024 * 1024 / CHUNK;
	char text[32];

	snprintf(text, sizeof(text), "%lu", meminfo_kib("MemTotal") * 1024 / CHUNK);
	WORKS(write_text(LIMIT_FILE, text));
	CHECK(chunks > BROKEN_MIB / 2);
	for (unsigned long i = 0; i < chunks - BROKEN_MIB / 2; i++)
		WORKS(populate(fd, i, 1, NULL));
}

/* Writes its number to each page, so that all are resident, then frees every other page. */
static void break_pages(void)
{
	for (size_t i = 0; i < n_pages; i++)
		if (i % 2 || i / 2 < n_even)
			*(size_t *)(pages + i * PAGE) = i;
	for (size_t i = 0; i < n_pages; i += 2)
		WORKS(madvise(pages + i * PAGE, PAGE, MADV_DONTNEED));
}

static void pages_are_as_they_were(void)
{
	for (size_t i = 1; i < n_pages; i += 2)
		EQUAL(*(size_t *)(pages + i * PAGE), i);
}

static void fill_pipes(void)
{
	static const char full[PIPE_SIZE] = { 1 };

	for (int i = 0; i < PIPES; i++) {
		WORKS(pipe2(pipes[i], O_CLOEXEC | O_NONBLOCK));
		EQUAL(WORKS(fcntl(pipes[i][1], F_SETPIPE_SZ, PIPE_SIZE)), PIPE_SIZE);
		EQUAL(write(pipes[i][1], full, PIPE_SIZE), PIPE_SIZE);
	}
}

static void break_memory(void)
{
	struct rlimit files = { 2 * PIPES + 64, 2 * PIPES + 64 };

	WORKS(setrlimit(RLIMIT_NOFILE, &files));
	WORKS(write_text("/proc/sys/vm/drop_caches", "3"));
	n_pages = (meminfo_kib("MemAvailable") - MARGIN_MIB * 1024) * 1024 / PAGE;
	pages = mmap(NULL, n_pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(pages != MAP_FAILED);
	use_small_pages(pages, n_pages * PAGE);
	n_even = n_pages / 2;
	break_pages();
	fill_pipes();
	n_even -= PIPES * PIPE_SIZE / PAGE;
}

/* Measuring. */

/* Returns the number of 2 MiB blocks whose pages are all free or movable. */
static unsigned long possible_chunks(void)
{
	FILE *file = fopen("/proc/kpageflags", "re");
	uint64_t flags[CHUNK_PAGES];
	unsigned long chunks = 0;

	CHECK(file);
	while (fread(flags, sizeof(flags), 1, file)) {
		size_t i = 0;

		while (i < CHUNK_PAGES && flags[i] & IS_MOVABLE)
			i++;
		chunks += i == CHUNK_PAGES;
	}
	fclose(file);
	return chunks;
}

static struct result looked_at(const char *what)
{
	struct result result = {
		.what = what,
		.free_chunks = meminfo_kib("MemFree") * 1024 / CHUNK,
		.possible_chunks = possible_chunks(),
	};

	return result;
}

static struct result broken(const char *what)
{
	break_pages();
	return looked_at(what);
}

/* Both allocate until the allocation fails, and keep the memory. */

static void by_driver(int fd, struct result *result)
{
	uint64_t start = now_ns();

	while (!populate(fd, result->chunks, 1, NULL))
		if (!result->chunks++)
			result->first_ns = now_ns() - start;
	EQUAL(errno, ENOMEM);
	result->all_ns = now_ns() - start;
}

static void by_plain_allocation(int fd, uint32_t effort, struct result *result)
{
	struct plain_alloc request = { .effort = effort };
	uint64_t start = now_ns();

	WORKS(ioctl(fd, PLAIN_ALLOC_IOC_TAKE, &request));
	result->all_ns = now_ns() - start;
	result->chunks = request.taken;
}

static void show(const struct result *result)
{
	printf("fragmentation: %s: chunks=%lu free_memory=%lu movable_blocks=%lu ms=%lu",
	       result->what, result->chunks, result->free_chunks, result->possible_chunks,
	       (unsigned long)(result->all_ns / 1000000));
	if (result->first_ns)
		printf(" first_us=%lu", (unsigned long)(result->first_ns / 1000));
	printf("\n");
	fflush(stdout);
}

/* Returns how many chunks an allocation gets that moves no page. */
static unsigned long what_is_free(void)
{
	int fd = WORKS(open(PLAIN_ALLOC_DEVICE, O_RDWR | O_CLOEXEC));
	struct result result = broken("plain, free blocks only");

	by_plain_allocation(fd, PLAIN_ALLOC_FREE_ONLY, &result);
	show(&result);
	close(fd);
	return result.chunks;
}

static void plain_then_driver(void)
{
	int fd = WORKS(open(PLAIN_ALLOC_DEVICE, O_RDWR | O_CLOEXEC)), pool = open_pool();
	struct result plain = broken("plain, GFP_KERNEL"), driver;

	by_plain_allocation(fd, PLAIN_ALLOC_KERNEL, &plain);
	show(&plain);
	driver = looked_at("POPULATE after it, more");
	by_driver(pool, &driver);
	show(&driver);
	close(pool);
	close(fd);
	pages_are_as_they_were();
}

/* If others still find blocks, kernel threads have compacted memory since, at their own pace. */
static void driver_then_plain(unsigned long free_chunks)
{
	int fd = WORKS(open(PLAIN_ALLOC_DEVICE, O_RDWR | O_CLOEXEC)), pool = open_pool();
	struct result driver = broken("POPULATE"), plain;

	by_driver(pool, &driver);
	show(&driver);
	plain = looked_at("plain, GFP_KERNEL, after it, more");
	by_plain_allocation(fd, PLAIN_ALLOC_KERNEL, &plain);
	show(&plain);
	CHECK(driver.chunks > free_chunks);
	CHECK(plain.chunks < driver.chunks);
	close(pool);
	close(fd);
	pages_are_as_they_were();
}

int main(void)
{
	unsigned long killed = processes_killed(), before = free_memory_kib();
	int rest = open_pool();

	stay_on_one_cpu();
	WORKS(write_text("/sys/module/pinned_mem/parameters/quarantine_ms", "0"));
	WORKS(load_module_file("/modules/plain_alloc.ko"));
	hold_the_rest(rest);
	break_memory();
	for (int i = 0; i < ROUNDS; i++) {
		unsigned long free_chunks = what_is_free();

		plain_then_driver();
		driver_then_plain(free_chunks);
	}
	EQUAL(processes_killed(), killed);

	WORKS(munmap(pages, n_pages * PAGE));
	for (int i = 0; i < PIPES; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	close(rest);
	COMES_TO_USE(0);
	WORKS(unload_module_named("plain_alloc"));
	CHECK(free_memory_kib() + SLACK_KIB + checkers_memory_kib() > before);
	WORKS(write_text(LIMIT_FILE, "0"));
	WORKS(write_text("/sys/module/pinned_mem/parameters/quarantine_ms", "1000"));
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Managing a process's memory rarely interrupts other processors: PUNCH and munmap send one or two
 * interrupts for each huge chunk and a few for each chunk that is mapped by small pages, and only
 * to processors that run the process. Filling and touching slots sends none. So allocation does not
 * disturb an isolated processor (Fault A44). arm64 needs no interrupts for this, and counts none.
 */
#include "guest.h"

#include <pthread.h>
#include <sched.h>

#define SLOTS 24UL
/* Interrupts that the rest of the system may cause meanwhile. */
#define FROM_OTHERS 24UL

static volatile bool is_over;
static volatile bool is_running;
static bool has_checkers;

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	WORKS(sched_setaffinity(0, sizeof(set), &set));
}

/*
 * Returns how many interrupts processor 1 has had for page tables (TLB) and for other calls (CAL).
 * A kernel with checkers calls other processors for reasons of its own.
 */
static unsigned long interrupts(void)
{
	FILE *file = fopen("/proc/interrupts", "re");
	unsigned long sum = 0, first, second;
	char line[1024];

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " TLB: %lu %lu", &first, &second) == 2 ||
		    (!has_checkers && sscanf(line, " CAL: %lu %lu", &first, &second) == 2))
			sum += second;
	fclose(file);
	return sum;
}

static void *run_beside(void *arg)
{
	run_on(1);
	is_running = true;
	while (!is_over)
		;
	return arg;
}

static void run_elsewhere(void *arg)
{
	run_beside(arg);
}

static void is_at_most(const char *what, unsigned long before, unsigned long most)
{
	unsigned long more = interrupts() - before;

	printf("%s: %lu interrupts\n", what, more);
	if (more > most)
		FAIL("%s: %lu interrupts, expected at most %lu", what, more, most);
}

/* Fills, touches and frees slots. @each is how many interrupts each freed chunk may cost. */
static void churn(size_t phase, unsigned long each)
{
	int fd = open_pool();
	char *at = map_slots_off(fd, 0, SLOTS, phase);
	unsigned long before = interrupts();

	WORKS(populate(fd, 0, SLOTS, NULL));
	touch_pages(at, SLOTS * CHUNK);
	is_at_most("fill and touch", before, FROM_OTHERS);
	before = interrupts();
	for (unsigned long slot = 0; slot < SLOTS; slot++)
		WORKS(punch(fd, slot, 1));
	is_at_most("punch each", before, SLOTS * each + FROM_OTHERS);
	WORKS(populate(fd, 0, SLOTS, NULL));
	touch_pages(at, SLOTS * CHUNK);
	before = interrupts();
	WORKS(punch(fd, 0, SLOTS));
	is_at_most("punch all", before, SLOTS * each + FROM_OTHERS);
	WORKS(populate(fd, 0, SLOTS, NULL));
	touch_pages(at, SLOTS * CHUNK);
	before = interrupts();
	WORKS(munmap(at, SLOTS * CHUNK));
	close(fd);
	is_at_most("unmap", before, SLOTS * each + FROM_OTHERS);
}

/*
 * Shows that the counter counts: otherwise the checks above would prove nothing. Some rounds send
 * no interrupt, since the kernel spares a processor that briefly runs a kernel thread.
 */
static void counts_what_it_should(void)
{
	unsigned long before = interrupts();
	char *own = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t deadline = now_ns() + 20000000000ULL;

	CHECK(own != MAP_FAILED);
	while (interrupts() - before < 90 && now_ns() < deadline) {
		*(volatile char *)own = 1;
		WORKS(madvise(own, PAGE, MADV_DONTNEED));
	}
	CHECK(interrupts() - before >= 90);
	WORKS(munmap(own, PAGE));
}

int main(void)
{
	pthread_t thread;
	pid_t pid;

	if (!IS_X86)
		test_skip("this architecture needs no interrupts to change page tables");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		test_skip("there is no other processor to interrupt");
	has_checkers = checkers_memory_kib() > 0;
	run_on(0);
	/* The other processor runs another process. */
	pid = spawn(run_elsewhere, NULL);
	churn(0, 0);
	WORKS(kill(pid, SIGKILL));
	waitpid(pid, NULL, 0);
	/* The other processor runs a thread of this process. */
	EQUAL(pthread_create(&thread, NULL, run_beside, NULL), 0);
	while (!is_running)
		;
	counts_what_it_should();
	churn(0, 2);
	/* An interrupt before and one after the release of each page table's lock, not 512. */
	churn(3 * PAGE, 5);
	is_over = true;
	pthread_join(thread, NULL);
	return 0;
}

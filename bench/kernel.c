// SPDX-License-Identifier: MIT
/*
 * Compares the driver's costs with those of the kernel's own huge pages and of an ordinary heap.
 * All are measured in turn in one guest, and printed as ratios of medians, because only ratios are
 * meaningful under emulation. bench/kernel runs this program; result lines begin with "bench ".
 */
#include "guest.h"

#include <pthread.h>

#define ROUNDS 15
#define CHUNKS 32UL
#define HEAP_CHUNKS 512UL
#define SCALING_CHUNKS 16U
#define RESERVE "/sys/class/misc/pinned_mem/reserve_chunks"
#define RESERVE_FREE "/sys/class/misc/pinned_mem/reserve_free_chunks"

static int compare(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

	return first < second ? -1 : first > second;
}

static double median(uint64_t *times)
{
	qsort(times, ROUNDS, sizeof(*times), compare);
	return (double)times[ROUNDS / 2];
}

static void touch_chunks(char *at)
{
	for (unsigned long i = 0; i < CHUNKS; i++)
		((volatile char *)at)[i * CHUNK] = 1;
}

/*
 * Times POPULATE and the first touch of each chunk. As in the library, the mapping exists already.
 */
static uint64_t time_populate(int fd, char *at, uint32_t source)
{
	struct pinned_mem_populate request = populate_request(0, CHUNKS);
	uint64_t begin = now_ns(), end;

	request.sources = source;
	WORKS(ioctl(fd, PINNED_MEM_IOC_POPULATE, &request));
	touch_chunks(at);
	end = now_ns();
	WORKS(punch(fd, 0, CHUNKS));
	return end - begin;
}

static uint64_t time_hugetlb(void)
{
	char *at = mmap(NULL, CHUNKS * CHUNK, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	uint64_t begin = now_ns(), end;

	CHECK(at != MAP_FAILED);
	touch_chunks(at);
	end = now_ns();
	WORKS(munmap(at, CHUNKS * CHUNK));
	return end - begin;
}

static void wait_for_reserve(void)
{
	while (read_number(RESERVE_FREE) < CHUNKS)
		usleep(1000);
	/* Wait until the driver has also finished zeroing the chunks. */
	usleep(20000);
}

static void populate_beside_hugetlb(double *reserve, double *buddy)
{
	static uint64_t from_reserve[ROUNDS], from_buddy[ROUNDS], hugetlb[ROUNDS];
	int fd = open_pool();
	char *at = map_slots(fd, 0, CHUNKS);
	double base;

	WORKS(write_text("/proc/sys/vm/nr_hugepages", "32"));
	EQUAL(read_number("/proc/sys/vm/nr_hugepages"), CHUNKS);
	WORKS(write_text(RESERVE, "32"));
	for (int i = 0; i < ROUNDS; i++) {
		wait_for_reserve();
		from_reserve[i] = time_populate(fd, at, PINNED_MEM_SOURCE_RESERVE);
		wait_for_reserve();
		hugetlb[i] = time_hugetlb();
		from_buddy[i] = time_populate(fd, at, PINNED_MEM_SOURCE_BUDDY);
	}
	base = median(hugetlb);
	*reserve = median(from_reserve) / base;
	*buddy = median(from_buddy) / base;
	WORKS(write_text(RESERVE, "0"));
	WORKS(write_text("/proc/sys/vm/nr_hugepages", "0"));
	WORKS(munmap(at, CHUNKS * CHUNK));
	close(fd);
}

/*
 * Times fork() until it returns, in a process that has only this heap. @fd is the pool, or -1. With
 * a pool, the heap is mapped again after the child has ended, as the library does.
 */
static void fork_times(char *heap, int fd, int result)
{
	uint64_t times[ROUNDS], begin;
	double middle;
	pid_t pid;

	for (int i = 0; i < ROUNDS; i++) {
		touch_pages(heap, HEAP_CHUNKS * CHUNK);
		begin = now_ns();
		pid = WORKS(fork());
		if (!pid)
			_exit(0);
		times[i] = now_ns() - begin;
		ENDED_WELL(pid);
		if (fd >= 0)
			map_again(fd, heap, 0, HEAP_CHUNKS);
	}
	middle = median(times);
	EQUAL(write(result, &middle, sizeof(middle)), sizeof(middle));
}

static void fork_pinned(void *result)
{
	int fd = open_pool();

	WORKS(populate(fd, 0, HEAP_CHUNKS, NULL));
	fork_times(map_slots(fd, 0, HEAP_CHUNKS), fd, *(int *)result);
}

static void fork_ordinary(void *result)
{
	char *heap = malloc(HEAP_CHUNKS * CHUNK);

	CHECK(heap);
	fork_times(heap, -1, *(int *)result);
}

static double in_process(void (*run)(void *))
{
	double value;
	int ends[2];

	WORKS(pipe(ends));
	ENDED_WELL(spawn(run, &ends[1]));
	EQUAL(read(ends[0], &value, sizeof(value)), sizeof(value));
	close(ends[0]);
	close(ends[1]);
	return value;
}

/* Compares releasing 1 GiB by PUNCH with munmap() of an ordinary heap. */
static double punch_beside_munmap(void)
{
	static uint64_t punches[ROUNDS], unmaps[ROUNDS];
	int fd = open_pool();
	char *at = map_slots(fd, 0, HEAP_CHUNKS), *other;
	uint64_t begin;

	for (int i = 0; i < ROUNDS; i++) {
		WORKS(populate(fd, 0, HEAP_CHUNKS, NULL));
		touch_pages(at, HEAP_CHUNKS * CHUNK);
		begin = now_ns();
		WORKS(punch(fd, 0, HEAP_CHUNKS));
		punches[i] = now_ns() - begin;
		other = mmap(NULL, HEAP_CHUNKS * CHUNK, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(other != MAP_FAILED);
		touch_pages(other, HEAP_CHUNKS * CHUNK);
		begin = now_ns();
		WORKS(munmap(other, HEAP_CHUNKS * CHUNK));
		unmaps[i] = now_ns() - begin;
	}
	WORKS(munmap(at, HEAP_CHUNKS * CHUNK));
	close(fd);
	return median(punches) / median(unmaps);
}

static void *populate_and_punch(void *unused)
{
	int fd = open_pool();

	for (int i = 0; i < 20; i++) {
		WORKS(populate(fd, 0, SCALING_CHUNKS, NULL));
		WORKS(punch(fd, 0, SCALING_CHUNKS));
	}
	close(fd);
	return unused;
}

/* Time of two threads with twice the work over time of one: 1 is perfect scaling, 2 is none. */
static double two_threads_beside_one(void)
{
	static uint64_t one[ROUNDS], two[ROUNDS];
	pthread_t thread;
	uint64_t begin;

	for (int i = 0; i < ROUNDS; i++) {
		begin = now_ns();
		populate_and_punch(NULL);
		one[i] = now_ns() - begin;
		begin = now_ns();
		EQUAL(pthread_create(&thread, NULL, populate_and_punch, NULL), 0);
		populate_and_punch(NULL);
		EQUAL(pthread_join(thread, NULL), 0);
		two[i] = now_ns() - begin;
	}
	return median(two) / median(one);
}

int main(void)
{
	double reserve, buddy, pinned, ordinary;

	populate_beside_hugetlb(&reserve, &buddy);
	pinned = in_process(fork_pinned);
	ordinary = in_process(fork_ordinary);
	printf("bench fork of 1 GiB: pinned %.3f ms, glibc %.3f ms\n", pinned / 1e6,
	       ordinary / 1e6);
	printf("bench-kernel: populate_reserve/hugetlb=%.3f populate_buddy/hugetlb=%.2f "
	       "fork/glibc=%.3f punch/munmap=%.2f two_threads/one=%.2f\n",
	       reserve, buddy, pinned / ordinary, punch_beside_munmap(), two_threads_beside_one());
	return 0;
}

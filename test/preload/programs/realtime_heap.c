// SPDX-License-Identifier: MIT
/*
 * A real-time program, for the key realtime. Usage: realtime_heap THREADS
 *
 * Each thread allocates and frees for a short time, and then installs a filter that kills the
 * process for any system call of the allocator, of mmap, munmap, madvise, ioctl, brk, clock_gettime
 * and all others. Then the thread allocates and frees objects of all sizes, many more than before,
 * and counts the page faults that the kernel has had meanwhile. A single thread may not even wait
 * for a lock. Several threads may, and they hand objects to each other.
 *
 * The filter is installed by the bare system call, of which the library is not told.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/mempolicy.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "../../lib/check.h"

#define THREADS_MAX 4
#define OBJECTS 1000
#define SHORT 100
#define STEPS 20000
#define SHARED 16

struct thread {
	uint32_t random;
	bool must_not_wait;
	struct object {
		char *ptr;
		size_t size;
	} objects[OBJECTS];
};

/* What a thread reports through the pipe. */
struct figures {
	uint64_t bytes;
	long faults;
};

static struct thread threads[THREADS_MAX];
static struct object *shared[SHARED];
static struct object carriers[THREADS_MAX][SHARED];
static int ends[2];
static long count;

static uint32_t random_below(struct thread *thread, uint32_t limit)
{
	thread->random = thread->random * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)thread->random * limit) >> 32);
}

/* Most objects are small; a few have more than a chunk. */
static size_t random_size(struct thread *thread)
{
	uint32_t kind = random_below(thread, 1000);

	if (kind < 900)
		return 1 + random_below(thread, 1024);
	if (kind < 980)
		return 1024 + random_below(thread, 31 << 10);
	if (kind < 999)
		return (32 << 10) + random_below(thread, 256 << 10);
	return (2 << 20) + random_below(thread, 1 << 20);
}

static char *allocate(struct thread *thread, size_t size)
{
	char *object = NULL;

	switch (random_below(thread, 8)) {
	case 0:
		object = calloc(1, size);
		CHECK(object && !object[0] && !object[size - 1]);
		break;
	case 1:
		CHECK(!posix_memalign((void **)&object, 256, size));
		break;
	case 2:
		object = realloc(malloc(size / 2 + 1), size);
		break;
	default:
		object = malloc(size);
	}
	CHECK(object);
	memset(object, 0x5a, size);
	return object;
}

static void release(struct object *object)
{
	if (object->ptr)
		CHECK(object->ptr[0] == 0x5a && object->ptr[object->size - 1] == 0x5a);
	free(object->ptr);
	object->ptr = NULL;
}

/* Frees the object that another thread has left at a random place, and leaves one there. */
static void hand_over(struct thread *thread, struct object *object)
{
	struct object *mine = carriers[thread - threads], *got;
	uint32_t place = random_below(thread, SHARED);

	if (!object->ptr || object->size > (32 << 10) || mine[place].ptr)
		return;
	mine[place] = *object;
	object->ptr = NULL;
	got = __atomic_exchange_n(&shared[place], &mine[place], __ATOMIC_ACQ_REL);
	if (got)
		release(got);
}

/* Allocates and frees @steps times, at most @most objects at a time. Return: bytes allocated. */
static uint64_t work(struct thread *thread, int steps, uint32_t most)
{
	uint64_t bytes = 0;

	while (steps--) {
		struct object *object = &thread->objects[random_below(thread, most)];

		if (count > 1 && !random_below(thread, 4))
			hand_over(thread, object);
		if (object->ptr) {
			release(object);
			continue;
		}
		object->size = random_size(thread);
		object->ptr = allocate(thread, object->size);
		bytes += object->size;
	}
	return bytes;
}

static long count_faults(void)
{
	struct rusage usage;

	CHECK(!getrusage(RUSAGE_THREAD, &usage));
	return usage.ru_minflt + usage.ru_majflt;
}

#define ALLOW(number)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##number, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Allows only what this program calls itself. */
static void install_filter(bool must_not_wait)
{
	static struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(write),
		ALLOW(getrusage),
		ALLOW(ppoll),
		ALLOW(exit_group),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	static struct sock_filter strict[sizeof(filter) / sizeof(filter[0])];
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	if (must_not_wait) {
		memcpy(strict, filter, sizeof(filter));
		strict[program.len - 2].k = SECCOMP_RET_KILL_PROCESS;
		program.filter = strict;
	}
	CHECK(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

/*
 * On a machine with several NUMA nodes, the kernel makes pages inaccessible for a moment to find out
 * which thread uses them, unless the process chooses where its memory is. As numactl --localalloc.
 */
static void prevent_balancing(void)
{
	CHECK(!syscall(SYS_set_mempolicy, MPOL_LOCAL, NULL, 0) || errno == ENOSYS);
}

/* Never ends: the end of a thread unmaps its stack. */
static void *run(void *argument)
{
	struct thread *thread = argument;
	struct figures figures = { 0 };

	work(thread, STEPS, SHORT);
	count_faults();
	install_filter(thread->must_not_wait);
	figures.faults = count_faults();
	figures.bytes = work(thread, STEPS, OBJECTS);
	figures.faults = count_faults() - figures.faults;
	CHECK(write(ends[1], &figures, sizeof(figures)) == sizeof(figures));
	for (;;)
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}

int main(int argc, char **argv)
{
	CHECK(argc == 2);
	count = strtol(argv[1], NULL, 10);
	CHECK(count >= 1 && count <= THREADS_MAX && !pipe(ends));
	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	prevent_balancing();
	memset(threads, 0, sizeof(threads));
	for (long i = 0; i < count; i++) {
		pthread_t thread;

		threads[i].random = (uint32_t)i;
		threads[i].must_not_wait = count == 1;
		memset(carriers[i], 0, sizeof(carriers[i]));
		CHECK(!pthread_create(&thread, NULL, run, &threads[i]));
	}
	for (long i = 0; i < count; i++) {
		struct figures figures;

		CHECK(read(ends[0], &figures, sizeof(figures)) == sizeof(figures));
		printf("bytes=%llu faults=%ld\n", (unsigned long long)figures.bytes,
		       figures.faults);
	}
	malloc_trim(0);
	return 0;
}

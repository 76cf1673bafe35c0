// SPDX-License-Identifier: MIT
/*
 * Reads and writes a disk through the kernel's own driver, in four ways:
 * - ordinary: O_DIRECT with the program's own buffer, which is aligned as O_DIRECT requires;
 * - in_place: the same on a pinned heap;
 * - bounce: O_DIRECT with a buffer of the library, and a copy to or from the program's buffer,
 *   which is necessary if the program's buffer is not aligned;
 * - cached: through the page cache, where the kernel copies.
 *
 * The program sleeps until the disk is done, and the kernel does much of its work in interrupts. A
 * thread of the lowest priority therefore counts loops of two instructions, so that the CPU is
 * never idle. Every other instruction is work.
 *
 * usage: disk DEVICE
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pinned.h>
#include <sched.h>
#include <unistd.h>

#include "meter.h"

#define SECTOR ((size_t)512)
#define PAGE ((size_t)4096)

enum way { DIRECT, BOUNCE, CACHED };

struct disk {
	int direct, cached;
	enum way way;
	bool is_write;
	uint8_t *buffer, *aligned;
	uint64_t copied;
};

/* Incremented by the thread that counts loops. */
static volatile uint64_t loops;

static void *count_loops(void *unused)
{
	struct sched_param lowest = { 0 };

	MUST(!sched_setscheduler(0, SCHED_IDLE, &lowest));
	__asm__ volatile("1: incq %0\n\tjmp 1b" : "+m"(loops) : : "cc");
	return unused;
}

static void copy(struct disk *disk, void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
	disk->copied += len;
}

static void move(struct disk *disk, size_t len)
{
	int fd = disk->way == CACHED ? disk->cached : disk->direct;
	void *memory = disk->way == BOUNCE ? disk->aligned : disk->buffer;

	if (!disk->is_write) {
		MUST(pread(fd, memory, len, 0) == (ssize_t)len);
		return;
	}
	MUST(pwrite(fd, memory, len, 0) == (ssize_t)len);
	/* Write the page cache back to the disk. The disk's own cache is not flushed in any way. */
	if (disk->way == CACHED)
		MUST(!sync_file_range(fd, 0, (off_t)len,
				      SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
}

static void transfer(void *context, size_t len, struct meter *meter)
{
	struct disk *disk = context;
	uint64_t begin;

	MUST(!posix_fadvise(disk->cached, 0, 0, POSIX_FADV_DONTNEED));
	disk->copied = 0;
	begin = loops;
	meter->mark = instructions();
	if (disk->way == BOUNCE && disk->is_write)
		copy(disk, disk->aligned, disk->buffer, len);
	move(disk, len);
	if (disk->way == BOUNCE && !disk->is_write)
		copy(disk, disk->buffer, disk->aligned, len);
	meter_work(meter);
	meter->waiting = 2 * (loops - begin);
	meter->work -= meter->waiting;
	/* The kernel copies the data; its copying cannot be counted, so it is assumed. */
	if (disk->way == CACHED)
		disk->copied = len;
}

static const char *name_of(const struct disk *disk)
{
	switch (disk->way) {
	case BOUNCE:
		return "bounce";
	case CACHED:
		return "cached";
	default:
		return pinned_owns(disk->buffer) ? "in_place" : "ordinary";
	}
}

static void measure_both(struct disk *disk, size_t len)
{
	struct result result;

	fill(disk->buffer, len);
	disk->is_write = true;
	result = measure("disk-write", name_of(disk), transfer, disk, len);
	report(&result, disk->copied, checksum(disk->buffer, len));
	/* The data read must equal the data written. */
	memset(disk->buffer, 0, len);
	disk->is_write = false;
	result = measure("disk-read", name_of(disk), transfer, disk, len);
	report(&result, disk->copied, checksum(disk->buffer, len));
}

/* Measures all ways; on a pinned heap only in_place, because the other ways are the same there. */
static void measure_ways(struct disk *disk, size_t len)
{
	size_t room = len < PAGE ? PAGE : len;

	disk->buffer = checked(aligned_alloc(PAGE, room));
	disk->aligned = checked(aligned_alloc(PAGE, room));
	disk->way = DIRECT;
	measure_both(disk, len);
	if (!pinned_owns(disk->buffer)) {
		disk->way = BOUNCE;
		measure_both(disk, len);
		disk->way = CACHED;
		measure_both(disk, len);
	}
	free(disk->buffer);
	free(disk->aligned);
}

int main(int argc, char **argv)
{
	struct disk disk = { 0 };
	pthread_t thread;

	MUST(argc == 2);
	meter_check();
	disk.direct = open(argv[1], O_RDWR | O_DIRECT | O_CLOEXEC);
	disk.cached = open(argv[1], O_RDWR | O_CLOEXEC);
	MUST(disk.direct >= 0 && disk.cached >= 0);
	/* The thread runs until the process ends. */
	MUST(!pthread_create(&thread, NULL, count_loops, NULL));
	measure_ways(&disk, SECTOR);
	for (size_t len = 1024; len <= SIZE_LAST; len *= 4)
		measure_ways(&disk, len);
	return 0;
}

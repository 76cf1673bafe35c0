// SPDX-License-Identifier: MIT
/*
 * A dma-buf made by EXPORT gives devices, other processes and other drivers access to the slots'
 * own memory, and keeps the memory after the slots, the pool and the owner are gone. A refused
 * request leaves neither a descriptor nor a chunk behind (Faults A2, A12, A32).
 */
#include "guest.h"

#include <linux/dma-buf.h>

#include "vendor_sample.h"

#define SLOTS 3UL
#define LENGTH (SLOTS * CHUNK)

static int vendor;

static int export_slots(int fd, unsigned long slot, unsigned int count)
{
	struct pinned_mem_export request = {
		.size = sizeof(request),
		.offset = slot * CHUNK,
		.count = count,
	};

	return ioctl(fd, PINNED_MEM_IOC_EXPORT, &request) ? -1 : request.fd;
}

static void cpu_access(int buf, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags | DMA_BUF_SYNC_RW };

	WORKS(ioctl(buf, DMA_BUF_IOCTL_SYNC, &sync));
}

static char *map_buf(int buf)
{
	char *at = mmap(NULL, LENGTH, RW, MAP_SHARED, buf, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

static void same_memory(int fd, char *at, int buf)
{
	char *seen = map_buf(buf);

	EQUAL(lseek(buf, 0, SEEK_END), LENGTH);
	EQUAL(fcntl(buf, F_GETFD), FD_CLOEXEC);
	cpu_access(buf, DMA_BUF_SYNC_START);
	FILLED(seen, LENGTH, 1);
	fill(seen, LENGTH, 2);
	cpu_access(buf, DMA_BUF_SYNC_END);
	FILLED(at, LENGTH, 2);
	EQUAL(phys_of(seen + CHUNK + 5 * PAGE), phys_of(at + CHUNK + 5 * PAGE));
	CHECK(mmap(NULL, LENGTH, PROT_READ, MAP_PRIVATE, buf, 0) == MAP_FAILED);
	CHECK(mmap(NULL, LENGTH + PAGE, RW, MAP_SHARED, buf, 0) == MAP_FAILED);
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, buf, 0) == MAP_FAILED);
	WORKS(munmap(seen, LENGTH));
	EQUAL(info_of(fd).pool_chunks, SLOTS);
}

static struct vendor_request import_request(int buf, uint64_t offset, uint32_t length)
{
	return (struct vendor_request){ .fd = buf, .addr = offset, .length = length };
}

static void by_another_driver(char *at, int buf)
{
	struct vendor_request request = import_request(buf, CHUNK - 100, 1000);
	uint64_t sum = 0;

	fill(at + CHUNK - 104, 2000, 3);
	WORKS(ioctl(vendor, VENDOR_IOC_IMPORT_DMA, &request));
	CHECK(request.segments >= 1 && request.segments <= 2);
	request = import_request(buf, 2 * CHUNK + 4096, 1000);
	request.to_memory = 1;
	WORKS(ioctl(vendor, VENDOR_IOC_IMPORT_DMA, &request));
	CHECK(!memcmp(at + 2 * CHUNK + 4096, at + CHUNK - 100, 1000));
	request = import_request(buf, PAGE - 1, LENGTH - PAGE);
	WORKS(ioctl(vendor, VENDOR_IOC_IMPORT_SUM, &request));
	for (size_t i = 0; i < LENGTH - PAGE; i++)
		sum += (unsigned char)at[PAGE - 1 + i];
	EQUAL(request.sum, sum);
}

static void looks_from_outside(void *arg)
{
	char *seen = map_buf(*(int *)arg);

	FILLED(seen, LENGTH, 5);
	fill(seen, LENGTH, 6);
}

/* A child shares a dma-buf with its parent, while it gets a snapshot of the pool's own mappings. */
static void by_a_child(char *at, int buf)
{
	fill(at, LENGTH, 5);
	ENDED_WELL(spawn(looks_from_outside, &buf));
	FILLED(at, LENGTH, 6);
}

static void outlives_all(int fd, char *at, int buf, unsigned long base)
{
	char *seen = map_buf(buf);
	int other;

	fill(at, LENGTH, 7);
	WORKS(punch(fd, 0, SLOTS));
	EQUAL(signal_of_read(at), SIGBUS);
	FILLED(seen, LENGTH, 7);
	EQUAL(used_chunks(), base + SLOTS);
	WORKS(populate(fd, 0, SLOTS, NULL));
	ZEROED(at, LENGTH);
	WORKS(munmap(at, LENGTH));
	close(fd);
	COMES_TO_USE(base + SLOTS);
	other = WORKS(dup(buf));
	close(buf);
	close(other);
	FILLED(seen, LENGTH, 7);
	REFUSED(unload_module(), EWOULDBLOCK);
	WORKS(munmap(seen, LENGTH));
	COMES_TO_USE(base);
}

static int lowest_free_descriptor(void)
{
	int fd = WORKS(dup(0));

	close(fd);
	return fd;
}

static void child_may_not(void *arg)
{
	REFUSED(export_slots(*(int *)arg, 0, 1), EPERM);
}

static void refusals(int fd)
{
	struct pinned_mem_export *read_only =
		mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int free_before = lowest_free_descriptor();
	unsigned long used = used_chunks();

	REFUSED(export_slots(fd, 0, 0), EINVAL);
	REFUSED(export_slots(fd, 0, PINNED_MEM_COUNT_MAX + 1), EINVAL);
	REFUSED(export_slots(fd, 0, SLOTS + 1), ENOENT);
	REFUSED(export_slots(fd, 1 << 30, 1), EINVAL);
	*read_only = (struct pinned_mem_export){ .size = sizeof(*read_only), .count = 1 };
	WORKS(mprotect(read_only, PAGE, PROT_READ));
	REFUSED(ioctl(fd, PINNED_MEM_IOC_EXPORT, read_only), EFAULT);
	WORKS(mprotect(read_only, PAGE, RW));
	read_only->fd = 1;
	REFUSED(ioctl(fd, PINNED_MEM_IOC_EXPORT, read_only), EINVAL);
	ENDED_WELL(spawn(child_may_not, &fd));
	EQUAL(lowest_free_descriptor(), free_before);
	EQUAL(used_chunks(), used);
	WORKS(munmap(read_only, PAGE));
}

int main(void)
{
	unsigned long base = used_chunks();
	int fd = open_pool(), buf;
	char *at;

	WORKS(load_module_file("/modules/vendor_sample.ko"));
	vendor = WORKS(open(VENDOR_DEVICE, O_RDWR | O_CLOEXEC));
	WORKS(populate(fd, 0, SLOTS, NULL));
	at = map_slots(fd, 0, SLOTS);
	refusals(fd);
	fill(at, LENGTH, 1);
	buf = WORKS(export_slots(fd, 0, SLOTS));
	same_memory(fd, at, buf);
	by_another_driver(at, buf);
	by_a_child(at, buf);
	outlives_all(fd, at, buf, base);
	close(vendor);
	WORKS(unload_module_named("vendor_sample"));
	return 0;
}

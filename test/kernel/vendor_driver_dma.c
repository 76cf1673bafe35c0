// SPDX-License-Identifier: MIT
/*
 * Another driver's device reads and writes a program's memory by the program's addresses, with and
 * without an IOMMU, through a bounce buffer, and for each memory type. Addresses that are not
 * pinned memory of that process, or that the device may not write, are refused (Faults A10, A37,
 * C9).
 */
#include "guest.h"

#include "vendor_sample.h"

#define SLOTS 4UL

static int fd, vendor;
static char *at;

static struct vendor_request request_of(const void *addr, size_t length, bool to_memory)
{
	return (struct vendor_request){
		.addr = (uintptr_t)addr,
		.length = length,
		.to_memory = to_memory,
	};
}

static int dma(const void *addr, size_t length, bool to_memory)
{
	struct vendor_request request = request_of(addr, length, to_memory);

	return ioctl(vendor, VENDOR_IOC_DMA, &request);
}

static void through_the_device(char *from, char *to, size_t length, unsigned int segments)
{
	struct vendor_request request = request_of(from, length, false);

	fill(from, length, (uintptr_t)from);
	memset(to, 0, length);
	WORKS(ioctl(vendor, VENDOR_IOC_DMA, &request));
	CHECK(request.segments >= 1 && request.segments <= segments);
	WORKS(dma(to, length, true));
	FILLED(to, length, (uintptr_t)from);
}

static void transfers(void)
{
	char *small = map_slots_off(fd, 0, SLOTS, PAGE);

	through_the_device(at, at + CHUNK, VENDOR_TRANSFER_MAX, 1);
	through_the_device(at + 1003 * 8, at + 5 * PAGE + 24, 1000, 1);
	through_the_device(at + CHUNK - 64, at + 3 * CHUNK - 800, 1600, 2);
	through_the_device(small + CHUNK - 64, small + 2 * CHUNK + 8, 1600, 2);
	WORKS(munmap(small, SLOTS * CHUNK));
}

/*
 * A device that cannot reach the memory gets the data by a bounce buffer, or the request is
 * refused; nothing is lost.
 */
static void each_memory_type(void)
{
	for (unsigned int type = 0; type <= PINNED_MEM_TYPE_CACHED; type++) {
		struct pinned_mem_populate request = populate_request(0, 2);
		int pool = open_pool();
		char *memory;

		request.memory_type = type;
		if (ioctl(pool, PINNED_MEM_IOC_POPULATE, &request)) {
			EQUAL(errno, EOPNOTSUPP);
			close(pool);
			continue;
		}
		memory = map_slots(pool, 0, 2);
		if (!dma(memory, 64, false))
			through_the_device(memory, memory + CHUNK, VENDOR_TRANSFER_MAX, 1);
		else
			EQUAL(errno, EIO);
		if (IS_X86)
			WORKS(dma(memory, 64, false));
		WORKS(munmap(memory, 2 * CHUNK));
		close(pool);
	}
}

/* A change of protection has split the mapping; in the pool the slots are contiguous. */
static void over_several_mappings(void)
{
	WORKS(mprotect(at + 8 * PAGE, PAGE, PROT_READ));
	WORKS(dma(at + 8 * PAGE - 96, 500, false));
	REFUSED(dma(at + 8 * PAGE - 96, 500, true), EFAULT);
	WORKS(mprotect(at + 8 * PAGE, PAGE, RW));
	WORKS(dma(at + 8 * PAGE - 96, 500, true));
}

static void refusals(void)
{
	char *heap = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vendor_request request = request_of(at, 64, true);
	char *other = map_slots(open_pool(), 0, 1);
	char stack[64];

	CHECK(heap != MAP_FAILED);
	heap[0] = 1;
	REFUSED(dma(heap, 64, true), ENXIO);
	REFUSED(dma(stack, sizeof(stack), false), ENXIO);
	REFUSED(dma(other, 64, false), EFAULT);
	REFUSED(dma(NULL, 64, false), EFAULT);
	REFUSED(dma(at, 0, false), EINVAL);
	REFUSED(dma((void *)(UINTPTR_MAX - 10), 64, false), EINVAL);
	REFUSED(dma((void *)(UINTPTR_MAX - 100), 64, false), EFAULT);
	WORKS(punch(fd, 3, 1));
	REFUSED(dma(at + 3 * CHUNK, 64, false), EFAULT);
	REFUSED(dma(at + 3 * CHUNK - 32, 64, false), EFAULT);
	WORKS(populate(fd, 3, 1, NULL));
	request.pid = 4000000;
	REFUSED(ioctl(vendor, VENDOR_IOC_DMA, &request), ESRCH);
	WORKS(munmap(heap, PAGE));
}

/*
 * A child's copies are not pinned memory, and a child's addresses do not give access to its
 * parent's memory.
 */
static void from_a_child(void *arg)
{
	struct vendor_request request = request_of(at, 64, true);

	(void)arg;
	REFUSED(dma(at, 64, true), ENXIO);
	request.pid = getppid();
	WORKS(ioctl(vendor, VENDOR_IOC_DMA, &request));
}

/* Makes sure that the run which is meant to have an IOMMU has one. */
static void iommu_is_there_if_asked_for(void)
{
	char line[4096] = "";
	FILE *file = fopen("/proc/cmdline", "re");

	CHECK(file && fgets(line, sizeof(line), file));
	fclose(file);
	if (strstr(line, "intel_iommu=on"))
		CHECK(!access("/sys/class/iommu/dmar0", F_OK));
}

int main(void)
{
	unsigned long used = used_chunks();

	iommu_is_there_if_asked_for();

	fd = open_pool();
	WORKS(load_module_file("/modules/vendor_sample.ko"));
	vendor = WORKS(open(VENDOR_DEVICE, O_RDWR | O_CLOEXEC));
	WORKS(populate(fd, 0, SLOTS, NULL));
	at = map_slots(fd, 0, SLOTS);
	transfers();
	each_memory_type();
	over_several_mappings();
	refusals();
	fill(at, 64, 1);
	WORKS(dma(at, 64, false));
	fill(at, 64, 2);
	ENDED_WELL(spawn(from_a_child, NULL));
	FILLED(at, 64, 1);
	EQUAL(used_chunks(), used + SLOTS);
	close(vendor);
	WORKS(unload_module_named("vendor_sample"));
	return 0;
}

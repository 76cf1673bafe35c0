// SPDX-License-Identifier: MIT
/*
 * Memory that another driver holds stays the program's memory, and stays counted, when the program
 * punches, unmaps, forks or dies, also while the device writes. It is freed when the driver
 * releases it, and not before the device has finished (Faults A1, A2, A42, A48).
 */
#include "guest.h"

#include "vendor_sample.h"

#define SLOTS 3UL
#define LENGTH (2 * CHUNK + 100)
#define OFFSET (CHUNK - 50)

static int vendor;

static struct vendor_request hold(const char *at)
{
	struct vendor_request request = { .addr = (uintptr_t)at, .length = LENGTH };

	WORKS(ioctl(vendor, VENDOR_IOC_HOLD, &request));
	return request;
}

/* Transfers between the device's buffer and @offset of the held memory. */
static int held(unsigned long request_code, uint64_t offset, bool to_memory)
{
	struct vendor_request request = {
		.addr = offset,
		.length = 256,
		.to_memory = to_memory,
	};

	return ioctl(vendor, request_code, &request);
}

static void take_all_memory_and_give_it_back(void)
{
	char *at = mmap(NULL, 300 * CHUNK, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	memset(at, 0x77, 300 * CHUNK);
	WORKS(munmap(at, 300 * CHUNK));
}

/*
 * Checks that the device still reads the old bytes of the held memory, by copying them to @scratch.
 */
static void device_still_sees_it(char *scratch)
{
	struct vendor_request to = { .addr = (uintptr_t)scratch, .length = 256, .to_memory = 1 };

	WORKS(held(VENDOR_IOC_HELD_DMA, OFFSET, false));
	WORKS(ioctl(vendor, VENDOR_IOC_DMA, &to));
	FILLED(scratch, 256, 42);
}

static void punched_and_unmapped(void)
{
	unsigned long base = used_chunks();
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS), *scratch;

	WORKS(populate(fd, 0, SLOTS, NULL));
	fill(at + 104 + OFFSET, 256, 42);
	hold(at + 104);
	REFUSED(ioctl(vendor, VENDOR_IOC_HOLD,
		      &(struct vendor_request){ .addr = (uintptr_t)at, .length = 1 }),
		EBUSY);
	WORKS(punch(fd, 0, SLOTS));
	EQUAL(info_of(fd).pool_chunks, 0);
	EQUAL(used_chunks(), base + SLOTS);
	WORKS(munmap(at, SLOTS * CHUNK));
	take_all_memory_and_give_it_back();
	WORKS(populate(fd, 9, 1, NULL));
	scratch = map_slots(fd, 9, 1);
	device_still_sees_it(scratch);
	WORKS(ioctl(vendor, VENDOR_IOC_RELEASE));
	EQUAL(used_chunks(), base + 1);
	WORKS(munmap(scratch, CHUNK));
	close(fd);
	COMES_TO_USE(base);
}

static void dies_in_the_middle(void *arg)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);

	(void)arg;
	WORKS(populate(fd, 0, SLOTS, NULL));
	touch_pages(at, SLOTS * CHUNK);
	hold(at);
	WORKS(held(VENDOR_IOC_START, OFFSET, true));
	raise(SIGKILL);
}

/* The parent shares the file, so the memory is held after the child is gone. */
static void owner_dies(void)
{
	unsigned long base = used_chunks();
	pid_t pid = spawn(dies_in_the_middle, NULL);
	int fd = open_pool();
	char *at;

	ENDED_OR_KILLED(pid);
	EQUAL(used_chunks(), base + SLOTS);
	WORKS(populate(fd, 0, 100, NULL));
	at = map_slots(fd, 0, 100);
	ZEROED(at, 100 * CHUNK);
	WORKS(ioctl(vendor, VENDOR_IOC_WAIT));
	ZEROED(at, 100 * CHUNK);
	REFUSED(unload_module(), EWOULDBLOCK);
	WORKS(ioctl(vendor, VENDOR_IOC_RELEASE));
	COMES_TO_USE(base + 100);
	close(fd);
	WORKS(munmap(at, 100 * CHUNK));
}

static void sees_the_past(void *at)
{
	/*
	 * Skips the page that the device writes, which may show either state; the rest is as of the
	 * fork.
	 */
	FILLED(at, PAGE, 1);
	FILLED((char *)at + CHUNK, CHUNK, 3);
}

/* The parent's buffer receives the data at the address that the device started with. */
static void fork_while_the_device_writes(void)
{
	int fd = open_pool();
	char *at = map_slots(fd, 0, SLOTS);
	uint64_t phys[SLOTS];
	pid_t pid;

	WORKS(populate(fd, 0, SLOTS, phys));
	for (int i = 0; i < 10; i++) {
		fill(at, CHUNK, 1);
		fill(at + CHUNK, 256, 2);
		hold(at);
		WORKS(held(VENDOR_IOC_HELD_DMA, CHUNK, false));
		fill(at + CHUNK, CHUNK, 3);
		fill(at + PAGE, 256, 4);
		WORKS(held(VENDOR_IOC_START, PAGE, true));
		pid = spawn(sees_the_past, at);
		WORKS(ioctl(vendor, VENDOR_IOC_WAIT));
		FILLED(at + PAGE, 256, 2);
		FILLED(at + CHUNK, CHUNK, 3);
		EQUAL(phys_of(at + PAGE), phys[0] + PAGE);
		WORKS(ioctl(vendor, VENDOR_IOC_RELEASE));
		ENDED_WELL(pid);
	}
	close(fd);
	WORKS(munmap(at, SLOTS * CHUNK));
}

int main(void)
{
	WORKS(load_module_file("/modules/vendor_sample.ko"));
	vendor = WORKS(open(VENDOR_DEVICE, O_RDWR | O_CLOEXEC));
	punched_and_unmapped();
	owner_dies();
	fork_while_the_device_writes();
	close(vendor);
	WORKS(unload_module_named("vendor_sample"));
	return 0;
}

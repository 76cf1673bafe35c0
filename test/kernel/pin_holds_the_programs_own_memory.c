// SPDX-License-Identifier: MIT
/*
 * PIN holds whatever memory a program has mapped itself: its stack, static memory, private and
 * shared memory, files of a tmpfs, huge pages. The addresses that PIN tells are those of the page
 * tables, also after the kernel has moved what it can, and UNPIN gives everything back.
 */
#include "pins.h"

#include <sys/syscall.h>

static char static_memory[5 * 65536 + 100];

/* Pins @length bytes, uses them, and unpins them. */
static void is_held(int fd, char *at, size_t length)
{
	static struct pin pin;
	struct pinned_mem_info before = info_of(fd);
	size_t pages = ((uintptr_t)at % PAGE + length + PAGE - 1) / PAGE;

	pin = (struct pin){ .notice = 1 };
	WORKS(pin_memory(fd, at, length, &pin));
	extents_are_true(at, length, &pin);
	EQUAL(pinned_pages(fd), pages + 1);
	CHECK(used_chunks() > before.used_chunks);
	memset(at, 7, length);
	CHECK(!is_gone(&pin));
	/* The kernel may announce that it moves pages, and then find that they are pinned. */
	write_text("/proc/sys/vm/compact_memory", "1");
	extents_are_true(at, length, &pin);
	EQUAL(pin.notice & ~PINNED_MEM_PIN_GONE, 1);
	WORKS(unpin(fd, pin.id));
	REFUSED(unpin(fd, pin.id), ENOENT);
	EQUAL(pinned_pages(fd), 0);
	UNCHANGED(fd, before);
}

static void shared(int fd)
{
	int file = WORKS(memfd_create("shared", MFD_CLOEXEC));
	size_t length = 20 * PAGE;
	char *at;

	WORKS(ftruncate(file, length));
	at = mmap(NULL, length, RW, MAP_SHARED, file, 0);
	CHECK(at != MAP_FAILED);
	is_held(fd, at + 5, length - 17);
	munmap(at, length);
	/* A private mapping of a file: the pages that are pinned are the program's own copies. */
	at = mmap(NULL, length, RW, MAP_PRIVATE, file, 0);
	CHECK(at != MAP_FAILED);
	is_held(fd, at, length);
	munmap(at, length);
	close(file);
	at = mmap(NULL, length, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(at != MAP_FAILED);
	is_held(fd, at, length);
	munmap(at, length);
}

static void huge(int fd)
{
	char *at;

	write_text("/proc/sys/vm/nr_hugepages", "2");
	at = mmap(NULL, CHUNK, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (at != MAP_FAILED) {
		is_held(fd, at, CHUNK);
		munmap(at, CHUNK);
	}
	write_text("/proc/sys/vm/nr_hugepages", "0");
	at = find_addresses(2 * CHUNK, 0);
	WORKS(mmap(at, 2 * CHUNK, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	madvise(at, 2 * CHUNK, MADV_HUGEPAGE);
	is_held(fd, at + 3 * PAGE, CHUNK);
	munmap(at, 2 * CHUNK);
}

/* Pages that do not exist yet are faulted in; what is told beyond the caller's array is counted. */
static void untouched(int fd)
{
	static struct pin pin;
	size_t length = 64 * PAGE;
	char *at = mmap(NULL, length, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pinned_mem_pin request;
	struct pinned_mem_extent spare = { 1, 2 };

	CHECK(at != MAP_FAILED);
	request = pin_request(at, length, &pin);
	pin.extents[1] = spare;
	request.extents_count = 1;
	WORKS(ioctl(fd, PINNED_MEM_IOC_PIN, &request));
	CHECK(request.extents_count >= 1 && request.id);
	EQUAL(pin.extents[0].phys, phys_of(at));
	EQUAL(pin.extents[1].phys, 1);
	ZEROED(at, length);
	WORKS(unpin(fd, request.id));
	/* Without an array nothing is told, and without a notice nothing is noticed. */
	request = pin_request(at, length, &pin);
	request.extents_ptr = request.extents_count = request.notice_ptr = 0;
	WORKS(ioctl(fd, PINNED_MEM_IOC_PIN, &request));
	EQUAL(request.extents_count, 0);
	EQUAL(pinned_pages(fd), 64);
	WORKS(munmap(at, length));
	EQUAL(pinned_pages(fd), 64);
	WORKS(unpin(fd, request.id));
	EQUAL(pinned_pages(fd), 0);
}

/* The same pages may be pinned many times; a pool is charged for the sum. */
static void many(int fd)
{
	static struct pin pins[100];
	char *at = new_memory(100 * PAGE);

	for (int i = 0; i < 100; i++)
		WORKS(pin_memory(fd, at + i % 7 * PAGE, (i + 1) % 50 * PAGE + 1, &pins[i]));
	for (int i = 99; i >= 0; i--) {
		extents_are_true(at + i % 7 * PAGE, (i + 1) % 50 * PAGE + 1, &pins[i]);
		WORKS(unpin(fd, pins[i].id));
	}
	EQUAL(pinned_pages(fd), 0);
	munmap(at, 100 * PAGE);
}

int main(void)
{
	char on_stack[3 * 4096 + 10];
	int fd = open_pool();
	char *at;

	if (!(info_of(fd).features & PINNED_MEM_FEATURE_PIN))
		test_skip("this kernel has no MMU notifiers");
	is_held(fd, static_memory + 50, sizeof(static_memory) - 50);
	is_held(fd, on_stack, sizeof(on_stack));
	at = new_memory(600 * PAGE);
	is_held(fd, at, 600 * PAGE);
	is_held(fd, at + PAGE - 1, 1);
	is_held(fd, at + PAGE - 1, 2);
	shared(fd);
	huge(fd);
	untouched(fd);
	many(fd);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * PIN refuses memory that a device cannot be given, each kind with its error, and nothing stays
 * pinned or charged: ranges with a hole, read-only and inaccessible memory, guard pages, secret
 * memory, files that are written back, memory of devices and of pools. It refuses whoever has no right to it or no room: a
 * descriptor that is open for reading, a user who may not learn addresses, limits (Faults A8, A9,
 * A27, A28, A33-A37).
 */
#include "pins.h"

#include <grp.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <linux/memfd.h>

#define PARAMETER(name) "/sys/module/pinned_mem/parameters/" name
#define NOBODY 65534
#define LENGTH (8 * PAGE)
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static struct pin pin;

static void refused(int fd, const void *at, size_t length, int error)
{
	struct pinned_mem_info before = info_of(fd);
	struct pinned_mem_pin request;

	pin = (struct pin){ .notice = 1 };
	REFUSED(pin_memory(fd, at, length, &pin), error);
	EQUAL(pin.id, 0);
	EQUAL(pin.notice, 1);
	EQUAL(pinned_pages(fd), 0);
	/* A request that is refused for its size of array or without a notice leaves nothing. */
	request = pin_request(at, length, &pin);
	request.extents_ptr = request.extents_count = request.notice_ptr = 0;
	REFUSED(ioctl(fd, PINNED_MEM_IOC_PIN, &request), error);
	EQUAL(pinned_pages(fd), 0);
	UNCHANGED(fd, before);
}

static void bad_memory(int fd)
{
	char *at = new_memory(LENGTH);

	WORKS(munmap(at + 3 * PAGE, PAGE));
	refused(fd, at, LENGTH, EFAULT);
	refused(fd, at + 3 * PAGE, 1, EFAULT);
	WORKS(mprotect(at + 6 * PAGE, PAGE, PROT_READ));
	refused(fd, at + 4 * PAGE, 3 * PAGE, EFAULT);
	WORKS(mprotect(at + 6 * PAGE, PAGE, PROT_NONE));
	refused(fd, at + 4 * PAGE, 3 * PAGE, EFAULT);
	if (!madvise(at + 5 * PAGE, PAGE, MADV_GUARD_INSTALL))
		refused(fd, at + 4 * PAGE, 2 * PAGE, EFAULT);
	refused(fd, NULL, 1, EFAULT);
	refused(fd, (void *)-PAGE, 1, EFAULT);
	refused(fd, "read-only", 5, EFAULT);
	munmap(at, LENGTH);
}

static void secret(int fd)
{
	int file = syscall(SYS_memfd_secret, 0);
	char *at;

	if (file < 0)
		return;
	WORKS(ftruncate(file, PAGE));
	at = mmap(NULL, PAGE, RW, MAP_SHARED, file, 0);
	if (at != MAP_FAILED) {
		*at = 1;
		refused(fd, at, PAGE, EFAULT);
		munmap(at, PAGE);
	}
	close(file);
}

/* A file system would write the pages back while a device writes to them. */
static void files(int fd)
{
	int disk = WORKS(open("/dev/vda", O_RDWR | O_CLOEXEC));
	char *at = mmap(NULL, LENGTH, RW, MAP_SHARED, disk, 0);

	CHECK(at != MAP_FAILED);
	refused(fd, at, LENGTH, EFAULT);
	munmap(at, LENGTH);
	/* The program's own copies of the pages may be pinned. */
	at = mmap(NULL, LENGTH, RW, MAP_PRIVATE, disk, 0);
	CHECK(at != MAP_FAILED);
	pin = (struct pin){};
	WORKS(pin_memory(fd, at, LENGTH, &pin));
	WORKS(unpin(fd, pin.id));
	munmap(at, LENGTH);
	close(disk);
}

/* Memory of a pool is pinned already; a mapping of physical memory belongs to a device. */
static void devices(int fd)
{
	int memory = open("/dev/mem", O_RDWR | O_CLOEXEC);
	char *at;

	WORKS(populate(fd, 0, 1, NULL));
	at = map_slots(fd, 0, 1);
	memset(at, 1, CHUNK);
	refused(fd, at, CHUNK, EFAULT);
	refused(fd, at + CHUNK - 1, 1, EFAULT);
	munmap(at, CHUNK);
	WORKS(punch(fd, 0, 1));
	if (memory < 0)
		return;
	at = mmap(NULL, PAGE, RW, MAP_SHARED, memory, 0xf0000);
	if (at != MAP_FAILED)
		refused(fd, at, PAGE, EFAULT);
	close(memory);
}

static void bad_requests(int fd)
{
	char *at = new_memory(LENGTH);
	struct pinned_mem_pin request = pin_request(at, LENGTH, &pin), good = request;
	int read_only = WORKS(open(PINNED_MEM_DEVICE, O_RDONLY | O_CLOEXEC));

	refused(fd, at, 0, EINVAL);
	refused(fd, at, SIZE_MAX, EINVAL);
	refused(fd, at, 4096 * CHUNK + 1, EINVAL);
	refused(read_only, at, LENGTH, EACCES);
	request.id = 1;
	REFUSED(ioctl(fd, PINNED_MEM_IOC_PIN, &request), EINVAL);
	request = good;
	request.notice_ptr += 2;
	REFUSED(ioctl(fd, PINNED_MEM_IOC_PIN, &request), EINVAL);
	request = good;
	request.notice_ptr = PAGE;
	REFUSED(ioctl(fd, PINNED_MEM_IOC_PIN, &request), EFAULT);
	request = good;
	request.extents_ptr = 0;
	REFUSED(ioctl(fd, PINNED_MEM_IOC_PIN, &request), EINVAL);
	request = good;
	request.extents_ptr = PAGE;
	REFUSED(ioctl(fd, PINNED_MEM_IOC_PIN, &request), EFAULT);
	REFUSED(ioctl(read_only, PINNED_MEM_IOC_PIN, &good), EACCES);
	REFUSED(unpin(fd, 0), ENOENT);
	REFUSED(unpin(fd, 12345), ENOENT);
	REFUSED(unpin(fd, UINT32_MAX), ENOENT);
	EQUAL(pinned_pages(fd), 0);
	munmap(at, LENGTH);
	close(read_only);
}

/* The answer cannot be written: nothing is pinned. */
static void answer_is_lost(int fd)
{
	char *at = new_memory(2 * PAGE);
	struct pinned_mem_pin *request = (void *)(at + PAGE);

	*request = pin_request(at, PAGE, &pin);
	WORKS(mprotect(request, PAGE, PROT_READ));
	REFUSED(ioctl(fd, PINNED_MEM_IOC_PIN, request), EFAULT);
	EQUAL(pinned_pages(fd), 0);
	munmap(at, 2 * PAGE);
}

static void become_nobody(void)
{
	WORKS(setgroups(0, NULL));
	WORKS(setresgid(NOBODY, NOBODY, NOBODY));
	WORKS(setresuid(NOBODY, NOBODY, NOBODY));
}

static void nobody_learns_nothing(void *arg)
{
	char *at = new_memory(LENGTH);
	struct pinned_mem_pin request;
	int fd;

	(void)arg;
	become_nobody();
	fd = open_pool();
	REFUSED(pin_memory(fd, at, LENGTH, &pin), EPERM);
	EQUAL(pinned_pages(fd), 0);
	request = pin_request(at, LENGTH, &pin);
	request.extents_ptr = request.extents_count = 0;
	WORKS(ioctl(fd, PINNED_MEM_IOC_PIN, &request));
	EQUAL(request.extents_count, 0);
	WORKS(unpin(fd, request.id));
}

static void nobody_has_little(void *arg)
{
	const struct rlimit limit = { CHUNK, CHUNK };
	char *at = new_memory(CHUNK + PAGE);
	int fd;

	(void)arg;
	WORKS(setrlimit(RLIMIT_MEMLOCK, &limit));
	become_nobody();
	fd = open_pool();
	refused(fd, at, CHUNK + PAGE, ENOMEM);
	WORKS(pin_memory(fd, at, LENGTH, &pin));
	/* 2 MiB and no more, together with the notices and with chunks. */
	REFUSED(pin_memory(fd, at, CHUNK - PAGE, &pin), ENOMEM);
	REFUSED(populate(fd, 0, 1, NULL), ENOMEM);
	EQUAL(pinned_pages(fd), 9);
}

static void limits(int fd)
{
	char *at = new_memory(2 * CHUNK);

	WORKS(write_text(PARAMETER("pool_limit_chunks"), "2"));
	WORKS(pin_memory(fd, at, CHUNK, &pin));
	REFUSED(pin_memory(fd, at, CHUNK, &pin), EDQUOT);
	REFUSED(populate(fd, 0, 1, NULL), EDQUOT);
	EQUAL(pinned_pages(fd), CHUNK_PAGES + 1);
	WORKS(pin_memory(fd, at, CHUNK - 2 * PAGE, &pin));
	WORKS(write_text(PARAMETER("pool_limit_chunks"), "0"));
	munmap(at, 2 * CHUNK);
}

int main(void)
{
	int fd = open_pool();

	if (!(info_of(fd).features & PINNED_MEM_FEATURE_PIN))
		test_skip("this kernel has no MMU notifiers");
	let_everybody_open(true);
	bad_memory(fd);
	secret(fd);
	files(fd);
	devices(fd);
	bad_requests(fd);
	answer_is_lost(fd);
	WORKS(write_text(PARAMETER("strict_phys"), "1"));
	ENDED_WELL(spawn(nobody_learns_nothing, NULL));
	WORKS(write_text(PARAMETER("strict_phys"), "0"));
	WORKS(write_text(PARAMETER("use_memlock"), "1"));
	ENDED_WELL(spawn(nobody_has_little, NULL));
	WORKS(write_text(PARAMETER("use_memlock"), "0"));
	limits(fd);
	close(fd);
	COMES_TO_USE(0);
	let_everybody_open(false);
	return 0;
}

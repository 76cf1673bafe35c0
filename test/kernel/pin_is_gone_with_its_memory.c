// SPDX-License-Identifier: MIT
/*
 * As soon as the pages behind a pinned range may have changed, the notice says so: after munmap() of
 * a part, mremap(), MADV_DONTNEED, truncation. A pin in use keeps its pages until UNPIN; a pin
 * without use ends by itself. Changes of protection and forks leave a pin valid in the parent, and a
 * child has none. Close, exec, exit and kill end all pins.
 */
#include "pins.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#define LENGTH (8 * PAGE)

static int file;

static char *new_shared(void)
{
	char *at;

	file = WORKS(memfd_create("shared", MFD_CLOEXEC));
	WORKS(ftruncate(file, LENGTH));
	at = mmap(NULL, LENGTH, RW, MAP_SHARED, file, 0);
	CHECK(at != MAP_FAILED);
	return at;
}

static char *new_private(void)
{
	return new_memory(LENGTH);
}

static void unmap_part(char *at)
{
	WORKS(munmap(at + 3 * PAGE, PAGE));
}

static void map_over(char *at)
{
	WORKS(mmap(at + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

static void move(char *at)
{
	WORKS(mremap(at, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED, find_addresses(LENGTH, 0)));
}

static void discard(char *at)
{
	WORKS(madvise(at + 7 * PAGE, PAGE, MADV_DONTNEED));
}

static void truncate_file(char *at)
{
	(void)at;
	WORKS(ftruncate(file, 7 * PAGE));
}

static void punch_file(char *at)
{
	WORKS(madvise(at, PAGE, MADV_REMOVE));
}

static const struct change {
	char *(*map)(void);
	void (*make)(char *at);
} changes[] = {
	{ new_private, unmap_part }, { new_private, map_over },	    { new_private, move },
	{ new_private, discard },    { new_shared, unmap_part },    { new_shared, move },
	{ new_shared, punch_file },  { new_shared, truncate_file },
};

/* A pin in use keeps the pages: they do not come back before UNPIN. */
static void in_use(int fd, const struct change *change)
{
	static struct pin pin;
	char *at = change->map();

	pin = (struct pin){ .notice = 3 };
	WORKS(pin_memory(fd, at, LENGTH, &pin));
	EQUAL(pin.notice, 3);
	change->make(at);
	EQUAL(pin.notice, PINNED_MEM_PIN_GONE | 3);
	EQUAL(pinned_pages(fd), 9);
	WORKS(unpin(fd, pin.id));
	EQUAL(pinned_pages(fd), 0);
	munmap(at, LENGTH);
}

static void without_use(int fd, const struct change *change)
{
	static struct pin pin;
	char *at = change->map();

	pin = (struct pin){};
	WORKS(pin_memory(fd, at, LENGTH, &pin));
	EQUAL(pin.notice, 0);
	EQUAL(pinned_pages(fd), 9);
	change->make(at);
	EQUAL(pin.notice, PINNED_MEM_PIN_GONE);
	comes_to_pages(fd, 0);
	REFUSED(unpin(fd, pin.id), ENOENT);
	munmap(at, LENGTH);
}

/* The pages that are gone hold what a device writes: nobody else gets them. */
static void pages_are_not_reused(int fd)
{
	static struct pin pin, again;
	char *at = new_private(), *fresh;

	pin = again = (struct pin){ .notice = 1 };
	WORKS(pin_memory(fd, at, LENGTH, &pin));
	WORKS(munmap(at, LENGTH));
	fresh = new_memory(64 * LENGTH);
	WORKS(pin_memory(fd, fresh, 64 * LENGTH, &again));
	for (uint32_t i = 0; i < pin.count; i++)
		for (uint32_t k = 0; k < again.count; k++)
			CHECK(pin.extents[i].phys + pin.extents[i].length <=
				      again.extents[k].phys ||
			      again.extents[k].phys + again.extents[k].length <=
				      pin.extents[i].phys);
	WORKS(unpin(fd, pin.id));
	WORKS(unpin(fd, again.id));
	munmap(fresh, 64 * LENGTH);
}

static int pool;
static struct pin of_parent;

static void has_no_pin(void *at)
{
	static struct pin pin;
	int fd;

	REFUSED(unpin(pool, of_parent.id), EPERM);
	REFUSED(pin_memory(pool, at, LENGTH, &pin), EPERM);
	CHECK(phys_of(at) != of_parent.extents[0].phys);
	memset(at, 9, LENGTH);
	fd = open_pool();
	WORKS(pin_memory(fd, at, LENGTH, &pin));
	extents_are_true(at, LENGTH, &pin);
	CHECK(pin.extents[0].phys != of_parent.extents[0].phys);
	REFUSED(unpin(fd, pin.id + 1), ENOENT);
}

static void fork_and_protection(int fd)
{
	char *at = new_private();

	pool = fd;
	of_parent = (struct pin){ .notice = 1 };
	WORKS(pin_memory(fd, at, LENGTH, &of_parent));
	ENDED_WELL(spawn(has_no_pin, at));
	CHECK(!is_gone(&of_parent));
	extents_are_true(at, LENGTH, &of_parent);
	memset(at, 5, LENGTH);
	extents_are_true(at, LENGTH, &of_parent);
	WORKS(mprotect(at, LENGTH, PROT_READ));
	CHECK(!is_gone(&of_parent));
	extents_are_true(at, LENGTH, &of_parent);
	WORKS(unpin(fd, of_parent.id));
	munmap(at, LENGTH);
}

static void pin_and_wait(void *how)
{
	static struct pin pin;
	char *at = new_private();
	int fd = open_pool();

	pin.notice = 1;
	WORKS(pin_memory(fd, at, LENGTH, &pin));
	if (!strcmp(how, "close")) {
		close(fd);
		CHECK(is_gone(&pin));
	} else if (!strcmp(how, "exec")) {
		fcntl(fd, F_SETFD, 0);
		execl("/proc/self/exe", "again", "nothing", NULL);
		FAIL("exec failed");
	} else if (!strcmp(how, "kill")) {
		prctl(PR_SET_DUMPABLE, 0);
		raise(SIGKILL);
	}
}

/* A process that ends with its descriptor in other hands does not keep its pins either. */
static void pin_and_send(void *socket)
{
	static struct pin pin;
	int fd = open_pool();

	pin.notice = 1;
	WORKS(pin_memory(fd, new_private(), LENGTH, &pin));
	send_descriptor(*(int *)socket, fd);
}

static void ends(unsigned long used)
{
	static const char *const ways[] = { "exit", "close", "exec", "kill" };
	int sockets[2], fd, status;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		pid_t pid = spawn(pin_and_wait, (void *)ways[i]);

		EQUAL(waitpid(pid, &status, 0), pid);
		CHECK(i == 3 ? WIFSIGNALED(status) : !status);
		COMES_TO_USE(used);
	}
	WORKS(socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets));
	ENDED_WELL(spawn(pin_and_send, &sockets[1]));
	fd = receive_descriptor(sockets[0]);
	comes_to_pages(fd, 0);
	COMES_TO_USE(used);
	close(fd);
}

/* A pool is closed while its pins, which are gone, end by themselves. */
static void close_while_pins_end(unsigned long used)
{
	enum { ROUNDS = 20, PINS = 64 };
	static uint32_t notices[PINS];

	for (int i = 0; i < ROUNDS; i++) {
		char *at = new_memory(PINS * PAGE);
		int fd = open_pool();

		memset(notices, 0, sizeof(notices));
		for (int k = 0; k < PINS; k++) {
			struct pinned_mem_pin request = {
				.size = sizeof(request),
				.address = (uintptr_t)(at + k * PAGE),
				.length = PAGE,
				.notice_ptr = (uintptr_t)&notices[k],
			};

			WORKS(ioctl(fd, PINNED_MEM_IOC_PIN, &request));
		}
		WORKS(munmap(at, PINS * PAGE));
		close(fd);
	}
	COMES_TO_USE(used);
}

int main(int argc, char **argv)
{
	unsigned long used = used_chunks();
	int fd;

	(void)argv;
	if (argc > 1) {
		COMES_TO_USE(0);
		return 0;
	}
	fd = open_pool();
	if (!(info_of(fd).features & PINNED_MEM_FEATURE_PIN))
		test_skip("this kernel has no MMU notifiers");
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		in_use(fd, &changes[i]);
		without_use(fd, &changes[i]);
	}
	pages_are_not_reused(fd);
	fork_and_protection(fd);
	EQUAL(pinned_pages(fd), 0);
	ends(used);
	close_while_pins_end(used);
	return 0;
}

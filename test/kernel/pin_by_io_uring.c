// SPDX-License-Identifier: MIT
/*
 * A process forks while an io_uring request is in progress, from a pipe or from a disk, into memory
 * that the request looks up or into a registered buffer. The parent gets the data in its own
 * memory, the child's snapshot does not change, and all memory is freed, also if the owner dies
 * before the data arrives. Kernels before 6.5 refuse to register file-backed memory; later ones
 * refuse memory that a child inherited (Faults A20, A21).
 */
#include "guest.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>

/* The disk delivers 16 MiB a second, so a fork ends before the reads below. */
#define DISK "/dev/vdb"
#define SLOTS 3UL
/* This many reads of the same blocks are in progress at once. */
#define READS 8
/* The data goes to the end of one chunk and the beginning of the next. */
#define SHORT (4 * PAGE)
#define LONG ((size_t)3 << 20)
#define OLD 1
#define NEW 2
#define ROUNDS 2

/* In all kernels that the driver supports, both rings share one mapping. */
struct ring {
	int fd;
	char *rings;
	size_t length;
	struct io_uring_sqe *requests;
	struct io_uring_params params;
};

static int pool, disk;
static char *at;
static uint64_t phys[SLOTS];
static struct ring ring;

static uint32_t *field(uint32_t offset)
{
	return (uint32_t *)(ring.rings + offset);
}

static void open_ring(void)
{
	struct io_uring_params *p = &ring.params;

	memset(p, 0, sizeof(*p));
	ring.fd = syscall(SYS_io_uring_setup, READS, p);
	if (ring.fd < 0 && (errno == ENOSYS || errno == EPERM))
		test_skip("this kernel has no io_uring: %s", strerrorname_np(errno));
	WORKS(ring.fd);
	CHECK(p->features & IORING_FEAT_SINGLE_MMAP);
	/* The kernel reads what a request points to, except for its buffer, at submission. */
	CHECK(p->features & IORING_FEAT_SUBMIT_STABLE);
	ring.length = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	if (ring.length < p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe))
		ring.length = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	ring.rings = mmap(NULL, ring.length, RW, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
	CHECK(ring.rings != MAP_FAILED);
	ring.requests = mmap(NULL, p->sq_entries * sizeof(*ring.requests), RW, MAP_SHARED, ring.fd,
			     IORING_OFF_SQES);
	CHECK(ring.requests != MAP_FAILED);
}

static void close_ring(void)
{
	WORKS(munmap(ring.requests, ring.params.sq_entries * sizeof(*ring.requests)));
	WORKS(munmap(ring.rings, ring.length));
	close(ring.fd);
}

static void submit_read(int from, char *to, size_t length, bool is_registered)
{
	struct iovec part = { to, length };
	uint32_t tail = *field(ring.params.sq_off.tail);
	uint32_t index = tail & *field(ring.params.sq_off.ring_mask);

	ring.requests[index] = (struct io_uring_sqe){
		.opcode = is_registered ? IORING_OP_READ_FIXED : IORING_OP_READV,
		.fd = from,
		.addr = is_registered ? (uintptr_t)to : (uintptr_t)&part,
		.len = is_registered ? length : 1,
	};
	field(ring.params.sq_off.array)[index] = index;
	/* The release store makes the request visible before the new tail. */
	__atomic_store_n(field(ring.params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	EQUAL(syscall(SYS_io_uring_enter, ring.fd, 1, 0, 0, NULL, 0), 1);
}

/* Returns whether one of @count submitted requests is still unanswered. */
static bool is_under_way(unsigned int count)
{
	return __atomic_load_n(field(ring.params.cq_off.tail), __ATOMIC_ACQUIRE) -
		       *field(ring.params.cq_off.head) <
	       count;
}

/* Returns the request's result: a number of bytes, or a negative errno. */
static int finish(void)
{
	uint32_t head = *field(ring.params.cq_off.head);
	struct io_uring_cqe *answers = (void *)(ring.rings + ring.params.cq_off.cqes);
	int result;

	while (is_under_way(1))
		if (syscall(SYS_io_uring_enter, ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
			EQUAL(errno, EINTR);
	result = answers[head & *field(ring.params.cq_off.ring_mask)].res;
	__atomic_store_n(field(ring.params.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return result;
}

/* Registered buffers. */

static bool is_older_than(int major, int minor)
{
	int this_major, this_minor;
	struct utsname name;

	WORKS(uname(&name));
	EQUAL(sscanf(name.release, "%d.%d", &this_major, &this_minor), 2);
	return this_major < major || (this_major == major && this_minor < minor);
}

static bool register_all(void)
{
	struct iovec all = { at, SLOTS * CHUNK };
	int result = syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &all, 1);

	if (result && is_older_than(6, 4)) {
		EQUAL(errno, EOPNOTSUPP);
		return false;
	}
	WORKS(result);
	return true;
}

static void unregister_all(void)
{
	WORKS(syscall(SYS_io_uring_register, ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
}

/*
 * A child may register memory of its own, but inherited memory only before 6.5, see pinned_mem(4).
 */
static void registers_in_child(void *arg)
{
	int own_pool;

	(void)arg;
	open_ring();
	if (!is_older_than(6, 5)) {
		struct iovec inherited = { at, CHUNK };

		REFUSED(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &inherited,
				1),
			EFAULT);
	}
	own_pool = open_pool();
	WORKS(populate(own_pool, 0, SLOTS, NULL));
	at = map_slots(own_pool, 0, SLOTS);
	if (register_all())
		unregister_all();
}

/* Checks of what parent and child see. */

static char *begin_of(size_t length)
{
	return at + CHUNK - length / 2;
}

static void make_old(void)
{
	fill(at, SLOTS * CHUNK, OLD);
}

/* Returns whether the memory is as fill() left it, except for @length bytes in the middle. */
static bool is_old_around(size_t length)
{
	static char *old;
	char *begin = begin_of(length);

	if (!old) {
		old = malloc(SLOTS * CHUNK);
		CHECK(old);
		fill(old, SLOTS * CHUNK, OLD);
	}
	return !memcmp(at, old, begin - at) && !memcmp(begin + length, old + (begin - at) + length,
						       SLOTS * CHUNK - (begin - at) - length);
}

static void parent_has_new(size_t length)
{
	static uint64_t now[SLOTS * CHUNK_PAGES_MAX];

	FILLED(begin_of(length), length, NEW);
	CHECK(is_old_around(length));
	/* All of the memory is mapped now. */
	phys_of_pages(at, now, SLOTS * CHUNK_PAGES);
	for (unsigned long page = 0; page < SLOTS * CHUNK_PAGES; page++)
		EQUAL(now[page], phys[page / CHUNK_PAGES] + page % CHUNK_PAGES * PAGE);
}

/* A pipe: the request waits until there is data. */

static struct gate child_has_looked, child_may_look;

static void sees_old(void *is_registered)
{
	char *begin = begin_of(SHORT);
	char first[PAGE];

	/* One page is copied from now on; the data of the other pages may be in the copy. */
	memcpy(first, begin, PAGE);
	let_pass(&child_has_looked);
	wait_at(&child_may_look);
	CHECK(!memcmp(begin, first, PAGE));
	CHECK(is_old_around(SHORT));
	if (!*(bool *)is_registered)
		FILLED(at, SLOTS * CHUNK, OLD);
	else
		FILLED(at, begin + PAGE - at, OLD);
}

static void from_pipe(bool is_registered)
{
	static char data[4 * PAGE_MAX];
	int ends[2];
	pid_t pid;

	make_old();
	fill(data, SHORT, NEW);
	WORKS(pipe2(ends, O_CLOEXEC));
	submit_read(ends[0], begin_of(SHORT), SHORT, is_registered);
	pid = spawn(sees_old, &is_registered);
	wait_at(&child_has_looked);
	CHECK(is_under_way(1));
	EQUAL(write(ends[1], data, SHORT), SHORT);
	EQUAL(finish(), SHORT);
	parent_has_new(SHORT);
	let_pass(&child_may_look);
	ENDED_WELL(pid);
	parent_has_new(SHORT);
	close(ends[0]);
	close(ends[1]);
	map_again(pool, at, 0, SLOTS);
}

/* A disk: the device writes to the pages themselves. */

static void sees_one_moment(void *arg)
{
	char *begin = begin_of(LONG);
	static uint64_t seen[LONG / sizeof(uint64_t)], old[LONG / sizeof(uint64_t)],
		data[LONG / sizeof(uint64_t)];

	(void)arg;
	/* Until then the child may see what the disk writes, as in anonymous memory. */
	touch_pages(begin, LONG);
	memcpy(seen, begin, LONG);
	let_pass(&child_has_looked);
	fill(data, LONG, NEW);
	wait_at(&child_may_look);
	CHECK(!memcmp(begin, seen, LONG));
	CHECK(is_old_around(LONG));
	make_old();
	memcpy(old, begin, LONG);
	for (size_t i = 0; i < LONG / sizeof(*seen); i++)
		CHECK(seen[i] == old[i] || seen[i] == data[i]);
}

/* Makes the fork end before the reads do. */
static void overtake_disk(bool is_registered)
{
	pid_t pid;

	make_old();
	for (int i = 0; i < READS; i++)
		submit_read(disk, begin_of(LONG), LONG, is_registered);
	pid = spawn(sees_one_moment, NULL);
	CHECK(is_under_way(READS));
	for (int i = 0; i < READS; i++)
		EQUAL(finish(), LONG);
	wait_at(&child_has_looked);
	parent_has_new(LONG);
	let_pass(&child_may_look);
	ENDED_WELL(pid);
	parent_has_new(LONG);
	map_again(pool, at, 0, SLOTS);
}

static void from_disk(bool is_registered)
{
	fill(at, LONG, NEW);
	EQUAL(pwrite(disk, at, LONG, 0), LONG);
	for (int i = 0; i < ROUNDS; i++)
		overtake_disk(is_registered);
}

/* The owner's death. */

static void set_up(void)
{
	pool = open_pool();
	WORKS(populate(pool, 0, SLOTS, phys));
	at = map_slots(pool, 0, SLOTS);
	open_ring();
}

static void dies_waiting(void *from)
{
	set_up();
	make_old();
	submit_read(*(int *)from, begin_of(SHORT), SHORT, register_all());
	CHECK(is_under_way(1));
	raise(SIGKILL);
}

static void owner_dies(unsigned long base)
{
	static char data[PAGE_MAX], got[PAGE_MAX];
	int ends[2];

	WORKS(pipe2(ends, O_CLOEXEC));
	EQUAL(waitpid(spawn(dies_waiting, &ends[0]), NULL, 0) > 0, 1);
	COMES_TO_USE(base);
	/* No request of the dead owner is left that would read this data. */
	EQUAL(write(ends[1], data, PAGE), PAGE);
	EQUAL(read(ends[0], got, PAGE), PAGE);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	unsigned long base = used_chunks();

	disk = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (disk < 0)
		test_skip("no disk %s", DISK);
	child_has_looked = make_gate();
	child_may_look = make_gate();
	set_up();
	from_pipe(false);
	from_disk(false);
	if (register_all()) {
		from_pipe(true);
		from_disk(true);
		unregister_all();
	}
	ENDED_WELL(spawn(registers_in_child, NULL));
	map_again(pool, at, 0, SLOTS);
	close_ring();
	close(pool);
	WORKS(munmap(at, SLOTS * CHUNK));
	COMES_TO_USE(base);
	COMES_TO_COPIES(0);
	owner_dies(base);
	COMES_TO_COPIES(0);
	return 0;
}

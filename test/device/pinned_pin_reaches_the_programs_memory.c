// SPDX-License-Identifier: MIT
/*
 * Protects devices that use memory of the program: pinned_pin() of static memory, a stack and the
 * program's own mappings gives the addresses of the page tables, a second pin is found without the
 * driver, memory that was unmapped or discarded is not translated any more, also if other memory is
 * mapped there, and a forked child pins for itself. What cannot be pinned is refused.
 */
#include "guest.h"
#include "pinned.h"

#define LENGTH 100000

static char static_memory[LENGTH];

static void is_translated(const char *at, size_t len)
{
	struct pinned_extent extents[64];
	long count = pinned_v2p_sg(at, len, extents, 64);
	size_t done = 0;

	CHECK(count >= 1 && count <= 64);
	for (long i = 0; i < count; i++) {
		EQUAL(extents[i].phys, phys_of(at + done));
		done += extents[i].len;
		EQUAL(extents[i].phys + extents[i].len - 1, phys_of(at + done - 1));
	}
	EQUAL(done, len);
	for (size_t k = 0; k < len; k += 1000)
		EQUAL(pinned_v2p(at + k), phys_of(at + k));
}

static void is_not_translated(const char *at, size_t len)
{
	REFUSED(pinned_v2p_sg(at, len, NULL, 0), EFAULT);
	EQUAL(pinned_v2p(at), PINNED_NO_PHYS);
}

static void is_pinned(char *at, size_t len)
{
	is_not_translated(at, len);
	for (int i = 0; i < 3; i++) {
		WORKS(pinned_pin(at, len));
		is_translated(at, len);
		memset(at, i, len);
		is_translated(at, len);
		WORKS(pinned_unpin(at, len));
		is_not_translated(at, len);
	}
	REFUSED(pinned_unpin(at, len), EINVAL);
}

static void child(void *arg)
{
	/* The child inherited the object, which shows the parent's memory or a copy of it. */
	REFUSED(pinned_pin(arg, 100), EFAULT);
	is_not_translated(static_memory, LENGTH);
	REFUSED(pinned_unpin(static_memory, LENGTH), EINVAL);
	is_pinned(static_memory, LENGTH);
}

static char *map_at(void *at)
{
	char *got = mmap(at, LENGTH, RW, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);

	CHECK(got != MAP_FAILED);
	memset(got, 1, LENGTH);
	return got;
}

static void changes(void)
{
	char *at = map_at(NULL);

	for (int i = 0; i < 20; i++) {
		WORKS(pinned_pin(at, LENGTH));
		is_translated(at, LENGTH);
		/* With a use, and without one. */
		if (i % 2)
			WORKS(pinned_unpin(at, LENGTH));
		map_at(at);
		is_not_translated(at, LENGTH);
		if (!(i % 2))
			WORKS(pinned_unpin(at, LENGTH));
		REFUSED(pinned_unpin(at, LENGTH), EINVAL);
	}
	WORKS(pinned_pin(at, LENGTH));
	WORKS(madvise(at, LENGTH, MADV_DONTNEED));
	is_not_translated(at, LENGTH);
	WORKS(pinned_pin(at, LENGTH));
	is_translated(at, LENGTH);
	WORKS(pinned_unpin(at, LENGTH));
	WORKS(pinned_unpin(at, LENGTH));
	WORKS(munmap(at, LENGTH));
	REFUSED(pinned_pin(at, LENGTH), EFAULT);
	REFUSED(pinned_pin("read-only", 5), EFAULT);
}

/* The pages go elsewhere with mremap(), and away when their file is truncated. */
static void moves(void)
{
	int file = memfd_create("pin", MFD_CLOEXEC);
	char *from = map_at(NULL), *to = map_at(NULL), *shared;

	WORKS(pinned_pin(from, LENGTH));
	CHECK(mremap(from, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	is_not_translated(from, LENGTH);
	is_pinned(to, LENGTH);
	WORKS(pinned_unpin(from, LENGTH));
	REFUSED(pinned_pin(from, LENGTH), EFAULT);
	WORKS(munmap(to, LENGTH));

	WORKS(ftruncate(file, LENGTH));
	shared = mmap(NULL, LENGTH, RW, MAP_SHARED, file, 0);
	CHECK(shared != MAP_FAILED);
	memset(shared, 1, LENGTH);
	is_pinned(shared, LENGTH);
	WORKS(pinned_pin(shared, LENGTH));
	WORKS(ftruncate(file, 4096));
	is_not_translated(shared, LENGTH);
	REFUSED(pinned_pin(shared, LENGTH), EFAULT);
	is_pinned(shared, 4096);
	WORKS(pinned_unpin(shared, LENGTH));
	WORKS(munmap(shared, LENGTH));
	close(file);
}

int main(void)
{
	char on_stack[3 * 4096], *object = pinned_calloc(1, 5000);
	unsigned long used = used_chunks();

	EQUAL(strcmp(pinned_backend(), "device"), 0);
	if (pinned_pin(static_memory, LENGTH)) {
		EQUAL(errno, EOPNOTSUPP);
		test_skip("this kernel has no MMU notifiers");
	}
	WORKS(pinned_unpin(static_memory, LENGTH));
	is_pinned(static_memory, LENGTH);
	is_pinned(on_stack + 5, sizeof(on_stack) - 77);
	memset(object, 1, 5000);
	WORKS(pinned_pin(object, 5000));
	EQUAL(pinned_v2p(object), phys_of(object));
	WORKS(pinned_unpin(object, 5000));
	REFUSED(pinned_pin(object, SIZE_MAX / 2), EFAULT);
	WORKS(pinned_pin(static_memory, LENGTH));
	ENDED_WELL(spawn(child, object));
	is_translated(static_memory, LENGTH);
	WORKS(pinned_unpin(static_memory, LENGTH));
	changes();
	moves();
	pinned_free(object);
	pinned_purge();
	/* The driver ends the child's pins in a work queue. */
	for (int i = 0; i < 20000 && used_chunks() > used; i++)
		usleep(1000);
	CHECK(used_chunks() <= used);
	return 0;
}

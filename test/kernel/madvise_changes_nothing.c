// SPDX-License-Identifier: MIT
/*
 * Whatever a program or library requests with madvise(), mlock(), mbind() and the like, data and
 * physical pages stay; what the kernel refuses, it refuses with the errno that this test lists
 * (Faults A23, A24). Where kernels differ, the test finds out by anonymous memory what to expect.
 */
#include <linux/aio_abi.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>

#include "guest.h"

#define SLOTS 3UL

#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_DONTNEED_LOCKED 24
#define MADV_COLLAPSE 25
#endif

static const struct {
	const char *name;
	int advice;
	int error; /* 0: accepted */
} table[] = {
	{ "NORMAL", MADV_NORMAL, 0 },
	{ "RANDOM", MADV_RANDOM, 0 },
	{ "SEQUENTIAL", MADV_SEQUENTIAL, 0 },
	{ "WILLNEED", MADV_WILLNEED, 0 },
	{ "DONTNEED", MADV_DONTNEED, 0 },
	{ "FREE", MADV_FREE, EINVAL },
	{ "REMOVE", MADV_REMOVE, ENODEV },
	{ "COLD", MADV_COLD, 0 },
	{ "PAGEOUT", MADV_PAGEOUT, 0 },
	{ "MERGEABLE", MADV_MERGEABLE, 0 },
	{ "UNMERGEABLE", MADV_UNMERGEABLE, 0 },
	{ "HUGEPAGE", MADV_HUGEPAGE, 0 },     /* by kernel */
	{ "NOHUGEPAGE", MADV_NOHUGEPAGE, 0 }, /* by kernel */
	{ "WIPEONFORK", MADV_WIPEONFORK, EINVAL },
	{ "DONTFORK", MADV_DONTFORK, 0 },
	{ "DOFORK", MADV_DOFORK, 0 }, /* by kernel */
	{ "DONTDUMP", MADV_DONTDUMP, 0 },
	{ "DODUMP", MADV_DODUMP, EINVAL },
	{ "POPULATE_READ", MADV_POPULATE_READ, 0 },	/* by kernel */
	{ "POPULATE_WRITE", MADV_POPULATE_WRITE, 0 },	/* by kernel */
	{ "DONTNEED_LOCKED", MADV_DONTNEED_LOCKED, 0 }, /* by kernel */
	{ "COLLAPSE", MADV_COLLAPSE, EINVAL },
};

static char *at;
static uint64_t phys[SLOTS];

static void is_as_before(void)
{
	FILLED(at, SLOTS * CHUNK, 21);
	for (size_t i = 0; i < SLOTS * CHUNK_PAGES; i += 37)
		EQUAL(phys_of(at + i * PAGE), phys[i / CHUNK_PAGES] + i % CHUNK_PAGES * PAGE);
}

/*
 * POPULATE_* came with 5.14, DONTNEED_LOCKED with 5.18. Kernels without transparent huge pages know
 * neither HUGEPAGE nor NOHUGEPAGE.
 */
static bool is_known(int advice)
{
	char *own = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool is_taken;

	CHECK(own != MAP_FAILED);
	is_taken = !madvise(own, PAGE, advice);
	WORKS(munmap(own, PAGE));
	return is_taken;
}

/*
 * Newer kernels refuse MADV_DOFORK on mappings that must not grow, such as the ring of io_setup().
 */
static bool refuses_dofork(void)
{
	aio_context_t ring = 0;
	bool is_refused;

	WORKS(syscall(SYS_io_setup, 1, &ring));
	is_refused = madvise((void *)ring, PAGE, MADV_DOFORK) && errno == EINVAL;
	WORKS(syscall(SYS_io_destroy, ring));
	return is_refused;
}

static int expected_error(size_t i)
{
	switch (table[i].advice) {
	case MADV_DOFORK:
		return refuses_dofork() ? EINVAL : 0;
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
	case MADV_DONTNEED_LOCKED:
		return is_known(table[i].advice) ? 0 : EINVAL;
	default:
		return table[i].error;
	}
}

static void advise(size_t i, size_t from, size_t length)
{
	int got = madvise(at + from, length, table[i].advice) ? errno : 0;

	if (got != expected_error(i))
		FAIL("MADV_%s at %#zx: expected error %d, got %d", table[i].name, from,
		     expected_error(i), got);
	is_as_before();
}

int main(void)
{
	unsigned long all_nodes = 1;
	int fd = open_pool();

	WORKS(populate(fd, 0, SLOTS, phys));
	at = map_slots(fd, 0, SLOTS);
	fill(at, SLOTS * CHUNK, 21);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		advise(i, 0, SLOTS * CHUNK);
		advise(i, CHUNK + 3 * PAGE, 7 * PAGE);
		/* Maps the slots again as a single mapping, since advice on a part has split it. */
		WORKS(mmap(at, SLOTS * CHUNK, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	}
	WORKS(mlock(at, SLOTS * CHUNK));
	is_as_before();
	WORKS(munlock(at + PAGE, PAGE));
	WORKS(mlockall(MCL_CURRENT | MCL_FUTURE));
	is_as_before();
	WORKS(munlockall());
	WORKS(syscall(SYS_mbind, at, CHUNK, MPOL_BIND, &all_nodes, 8UL, 0));
	is_as_before();
	EQUAL(write_text("/proc/sys/vm/compact_memory", "1"), 0);
	EQUAL(write_text("/proc/sys/vm/drop_caches", "3"), 0);
	is_as_before();
	return 0;
}

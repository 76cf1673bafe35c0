// SPDX-License-Identifier: MIT
/*
 * While other memory is swapped out and in, pinned memory keeps its physical addresses and content
 * (Fault A24).
 */
#include "guest.h"

#include <sys/swap.h>

#define DISK "/dev/vda"
#define SLOTS 16UL
#define SEED 3

/*
 * Writes a swap header as mkswap does: version, last page, and a signature at the end of the first
 * page.
 */
static void make_swap(void)
{
	int fd = open(DISK, O_RDWR | O_CLOEXEC);
	static char header[PAGE_MAX];
	uint32_t *fields = (uint32_t *)(header + 1024);
	off_t size;

	if (fd < 0)
		test_skip("no disk %s", DISK);
	size = WORKS(lseek(fd, 0, SEEK_END));
	fields[0] = 1;
	fields[1] = size / PAGE - 1;
	memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
	EQUAL(pwrite(fd, header, PAGE, 0), PAGE);
	WORKS(fsync(fd));
	close(fd);
	if (swapon(DISK, 0))
		test_skip("this kernel does not swap to %s: %s", DISK, strerrorname_np(errno));
}

static void disk_is_in_use_for_swap(const char *at, size_t length)
{
	unsigned long free_kib = meminfo_kib("SwapFree");

	/* MADV_PAGEOUT swaps out exactly this memory, even if memory is free. */
	WORKS(madvise((void *)at, length, MADV_PAGEOUT));
	CHECK(meminfo_kib("SwapFree") + length / 1024 / 2 < free_kib);
}

/* Touches the memory first, since a fork has emptied the page tables. */
static void check_pinned(const char *at, const uint64_t *phys)
{
	FILLED(at, SLOTS * CHUNK, SEED);
	for (unsigned long slot = 0; slot < SLOTS; slot++)
		EQUAL(phys_of(at + slot * CHUNK), phys[slot]);
}

/*
 * Uses more memory than exists, so that reclaim looks everywhere. The child may be killed for it.
 */
static void press(void *arg)
{
	size_t length = (meminfo_kib("MemAvailable") + meminfo_kib("SwapFree") / 2) * 1024;
	volatile char *at =
		mmap(NULL, length, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)arg;
	CHECK(at != MAP_FAILED);
	write_text("/proc/self/oom_score_adj", "1000");
	for (size_t i = 0; i < length; i += PAGE)
		at[i] = 1;
}

int main(void)
{
	int fd = open_pool(), status;
	const size_t length = 32 << 20;
	uint64_t phys[SLOTS];
	char *at, *other;

	make_swap();
	WORKS(populate(fd, 0, SLOTS, phys));
	at = map_slots(fd, 0, SLOTS);
	fill(at, SLOTS * CHUNK, SEED);
	other = mmap(NULL, length, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(other != MAP_FAILED);
	use_small_pages(other, length);
	fill(other, length, SEED + 1);

	disk_is_in_use_for_swap(other, length);
	check_pinned(at, phys);
	FILLED(other, length, SEED + 1);
	/* The same advice does not move pinned memory. */
	madvise(at, SLOTS * CHUNK, MADV_PAGEOUT);
	touch_pages(at, SLOTS * CHUNK);
	check_pinned(at, phys);

	EQUAL(waitpid(spawn(press, NULL), &status, 0) > 0, 1);
	check_pinned(at, phys);
	FILLED(other, length, SEED + 1);
	WORKS(swapoff(DISK));
	check_pinned(at, phys);
	return 0;
}

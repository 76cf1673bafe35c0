// SPDX-License-Identifier: MIT
/*
 * Protects programs that close every descriptor they find and reuse the numbers: the heap keeps
 * working and translating, and the library never touches a file that is not its own, not even
 * another pool (Faults B10, B11).
 */
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest.h"
#include "pinned.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static void close_all(void)
{
	WORKS(syscall(SYS_close_range, 3, ~0U, 0));
}

/* Opens files of the program's own until every number up to the library's is taken. */
static void take_all_numbers(const char *path, int flags)
{
	for (int fd = 0; fd < 1020; fd++)
		fd = (int)WORKS(open(path, flags | O_CREAT, 0600));
}

static void use_heap(void)
{
	for (size_t size = 16; size < 30000000; size *= 3) {
		char *object = pinned_malloc(size);

		CHECK(object);
		fill(object, size, size);
		EQUAL(pinned_v2p(object), phys_of(object));
		FILLED(object, size, size);
		pinned_free(object);
	}
}

int main(void)
{
	char *kept = pinned_malloc(5000000);
	uint64_t phys = pinned_v2p(kept);
	struct stat st;
	int other;

	fill(kept, 5000000, 9);
	use_heap();

	close_all();
	use_heap();
	FILLED(kept, 5000000, 9);
	EQUAL(pinned_v2p(kept), phys);

	close_all();
	take_all_numbers("/tmp/mine", O_RDWR);
	pinned_purge();
	use_heap();
	EQUAL(WORKS(stat("/tmp/mine", &st)), 0);
	EQUAL(st.st_size, 0);

	/* If the library's number refers to another pool, the library must not fill slots there. */
	close_all();
	take_all_numbers(PINNED_MEM_DEVICE, O_RDWR);
	pinned_purge();
	use_heap();
	for (other = 3; other < 1000; other++)
		EQUAL(info_of(other).pool_chunks, 0);

	pinned_free(kept);
	EQUAL(phys_of(kept) == phys || !phys_of(kept), 1);
	return 0;
}

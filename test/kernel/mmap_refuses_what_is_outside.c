// SPDX-License-Identifier: MIT
/*
 * The device allows shared mappings inside the pool and refuses all others, for every combination
 * of offset and length around the limits and overflows (Faults A8, A10).
 */
#include "guest.h"

#include <sys/syscall.h>

static void kinds(int fd)
{
	static const int protections[] = {
		PROT_NONE,	PROT_READ, PROT_WRITE, RW, PROT_EXEC, PROT_READ | PROT_EXEC,
		RW | PROT_EXEC,
	};
	size_t i;

	for (i = 0; i < sizeof(protections) / sizeof(*protections); i++) {
		REFUSED(mmap(NULL, CHUNK, protections[i], MAP_PRIVATE, fd, 0), EINVAL);
		EQUAL(munmap((void *)WORKS(mmap(NULL, CHUNK, protections[i], MAP_SHARED, fd, 0)),
			     CHUNK),
		      0);
	}
	REFUSED(mmap(NULL, CHUNK, RW, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0), EOPNOTSUPP);
}

/* @page and @pages count pages. The kernel itself refuses sums beyond 64 bits with EOVERFLOW. */
static void range(int fd, uint64_t pool_pages, uint64_t page, uint64_t pages)
{
	bool is_inside = page < pool_pages && pages <= pool_pages - page;
	long at = syscall(SYS_mmap, NULL, pages * PAGE, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd,
			  page * PAGE);

	if (is_inside) {
		WORKS(at);
		WORKS(munmap((void *)at, pages * PAGE));
	} else if (at != -1 || (errno != EINVAL && errno != EOVERFLOW && errno != ENOMEM)) {
		FAIL("mmap of %#llx pages from %#llx: expected a refusal, got %ld, %s",
		     (unsigned long long)pages, (unsigned long long)page, at,
		     strerrorname_np(errno));
	}
}

static void ranges(int fd)
{
	const uint64_t n = info_of(fd).pool_size / PAGE;
	const uint64_t pages[] = {
		0,	   1,	  CHUNK_PAGES - 1, CHUNK_PAGES,		n - 1,
		n,	   n + 1, n - CHUNK_PAGES, (1ULL << 63) / PAGE, UINT64_MAX / PAGE,
		1ULL << 40
	};
	const size_t count = sizeof(pages) / sizeof(*pages);
	size_t i, j;

	for (i = 0; i < count; i++)
		for (j = 1; j < count; j++)
			range(fd, n, pages[i], pages[j]);
}

int main(void)
{
	int fd = open_pool();
	struct pinned_mem_info before;

	WORKS(populate(fd, 0, 1, NULL));
	before = info_of(fd);
	kinds(fd);
	ranges(fd);
	REFUSED(mmap(NULL, 0, RW, MAP_SHARED, fd, 0), EINVAL);
	REFUSED(mmap(NULL, CHUNK, RW, MAP_SHARED, fd, 1), EINVAL);
	UNCHANGED(fd, before);
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * The kernel can pin this memory like any other: vmsplice() puts the pages themselves into a pipe,
 * from huge and from small mappings (Faults A21).
 */
#include "guest.h"

#include <sys/uio.h>

static void through_a_pipe(char *at, uint64_t seed)
{
	struct iovec range = { .iov_base = at, .iov_len = 8 * PAGE };
	static char got[8 * PAGE_MAX];
	int pipe_ends[2];

	WORKS(pipe(pipe_ends));
	fill(at, range.iov_len, seed);
	EQUAL(vmsplice(pipe_ends[1], &range, 1, 0), range.iov_len);
	/* The pipe contains the page, not a copy: a later write is what arrives. */
	fill(at, range.iov_len, seed + 1);
	EQUAL(read(pipe_ends[0], got, 8 * PAGE), 8 * PAGE);
	FILLED(got, 8 * PAGE, seed + 1);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

int main(void)
{
	int fd = open_pool();
	char *huge = map_slots(fd, 0, 2);
	char *small = map_slots_off(fd, 0, 2, 3 * PAGE);
	uint64_t phys[2];

	WORKS(populate(fd, 0, 2, phys));
	/* Untouched memory, touched memory, and memory across a chunk boundary. */
	through_a_pipe(huge, 1);
	through_a_pipe(huge + 100 * PAGE, 2);
	through_a_pipe(huge + CHUNK - 4 * PAGE, 3);
	through_a_pipe(small, 4);
	through_a_pipe(small + CHUNK - 4 * PAGE, 5);
	EQUAL(phys_of(huge), phys[0]);
	EQUAL(phys_of(small + CHUNK), phys[1]);
	return 0;
}

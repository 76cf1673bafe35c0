// SPDX-License-Identifier: MIT
/*
 * A pinned page outlives the punch of its slot, keeps its content, and is freed with the last pin
 * (Faults A2, A15).
 */
#define _GNU_SOURCE
#include <sys/uio.h>

#include "guest.h"

int main(void)
{
	int fd = open_pool(), ends[2];
	char *at = map_slots(fd, 0, 2), copy[4 * PAGE];
	struct iovec part = { .iov_base = at + CHUNK, .iov_len = sizeof(copy) };
	uint64_t pinned, now;

	WORKS(populate(fd, 0, 2, NULL));
	fill(at + CHUNK, CHUNK, 11);
	pinned = phys_of(at + CHUNK);
	WORKS(pipe(ends));
	EQUAL(vmsplice(ends[1], &part, 1, 0), sizeof(copy));
	WORKS(punch(fd, 1, 1));
	/* Nobody else gets the memory while the pipe holds the page. */
	for (int i = 0; i < 30; i++) {
		WORKS(populate(fd, 1, 1, &now));
		CHECK(now != pinned);
		fill(at + CHUNK, CHUNK, 12);
		WORKS(punch(fd, 1, 1));
	}
	EQUAL(read(ends[0], copy, sizeof(copy)), sizeof(copy));
	FILLED(copy, sizeof(copy), 11);
	return 0;
}

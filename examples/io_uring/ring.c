// SPDX-License-Identifier: MIT
/* A ring with one request at a time; see ring.h. The process unmaps and closes it at its exit. */
#include "ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *map(int fd, size_t size, off_t what)
{
	void *part = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);

	return part == MAP_FAILED ? NULL : part;
}

int ring_begin(struct ring *ring)
{
	struct io_uring_params params = { 0 };
	char *queue, *done;

	ring->fd = (int)syscall(__NR_io_uring_setup, 1, &params);
	if (ring->fd < 0)
		return -1;
	queue = map(ring->fd, params.sq_off.array + params.sq_entries * sizeof(unsigned int),
		    IORING_OFF_SQ_RING);
	done = map(ring->fd, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe),
		   IORING_OFF_CQ_RING);
	ring->entry =
		(void *)map(ring->fd, params.sq_entries * sizeof(*ring->entry), IORING_OFF_SQES);
	if (!queue || !done || !ring->entry)
		return -1;
	ring->tail = (void *)(queue + params.sq_off.tail);
	*(unsigned int *)(void *)(queue + params.sq_off.array) = 0;
	ring->done = (void *)(done + params.cq_off.cqes);
	ring->done_head = (void *)(done + params.cq_off.head);
	ring->done_mask = params.cq_entries - 1;
	return 0;
}

int ring_run(struct ring *ring, const struct io_uring_sqe *request)
{
	unsigned int head = *ring->done_head;
	int result;

	*ring->entry = *request;
	__atomic_store_n(ring->tail, *ring->tail + 1, __ATOMIC_RELEASE);
	while (syscall(__NR_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		if (errno != EINTR)
			return -errno;
	result = ring->done[head & ring->done_mask].res;
	__atomic_store_n(ring->done_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

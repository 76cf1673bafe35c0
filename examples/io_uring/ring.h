/* SPDX-License-Identifier: MIT */
/* A ring of io_uring for one request at a time, by system calls alone. */
#ifndef RING_H
#define RING_H

#include <linux/io_uring.h>
#include <stddef.h>

/**
 * struct ring - a ring
 * @fd: its descriptor
 * @entry: the only element of the submission queue
 * @tail: where the kernel looks for new requests
 * @done: the completion queue
 * @done_head: where the kernel learns what was read of it
 * @done_mask: number of its elements - 1
 */
struct ring {
	int fd;
	struct io_uring_sqe *entry;
	unsigned int *tail;
	struct io_uring_cqe *done;
	unsigned int *done_head;
	unsigned int done_mask;
};

/* Returns 0, or -1 with errno set. */
int ring_begin(struct ring *ring);
/* Submits a copy of @request and waits. Return: the request's result, a count or -errno. */
int ring_run(struct ring *ring, const struct io_uring_sqe *request);

#endif /* RING_H */

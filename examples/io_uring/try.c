// SPDX-License-Identifier: MIT
/*
 * A program that writes and reads a file by registered buffers, although it allocates each buffer
 * by malloc and registers none. Start the program under pinned-run(1), so that malloc returns
 * pinned memory. Where a buffer cannot be registered, the program uses the ordinary request.
 *
 * usage: try FILE      FILE is overwritten
 * Prints "io_uring backend=NAME requests=N registered=N chunks_added=N chunks_removed=N
 * mismatches=N": how many requests there were, how many of them named a registered buffer, and how
 * many chunks were registered and withdrawn for them. The exit status is 0 if all bytes are right,
 * 77 if the kernel does not allow io_uring or has no such table.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buffers.h"
#include "ring.h"

#define ROUNDS 200
#define SIZE_MAX_BYTES ((size_t)5 << 20)

static struct ring ring;
static struct buffers buffers;
static size_t requests, registered;

/* Moves @len bytes, all of which have the same key if @index is not NULL. Return: success. */
static int move(int fd, int is_write, char *ptr, size_t len, size_t offset, const uint64_t *index)
{
	struct io_uring_sqe request = {
		.fd = fd,
		.off = offset,
		.addr = (uintptr_t)ptr,
		.len = (unsigned int)len,
	};

	if (index) {
		request.opcode = is_write ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED;
		request.buf_index = (unsigned short)*index;
		registered++;
	} else {
		request.opcode = is_write ? IORING_OP_WRITE : IORING_OP_READ;
	}
	requests++;
	return ring_run(&ring, &request) == (int)len;
}

/* Moves a buffer of any size, in a piece for each chunk that it touches. Return: success. */
static int transfer(int fd, int is_write, char *ptr, size_t len)
{
	for (size_t done = 0, some; done < len; done += some) {
		uint64_t index;
		long room = buffers_index(&buffers, ptr + done, &index);

		some = len - done;
		if (room >= 0 && some > (size_t)room)
			some = (size_t)room;
		if (!move(fd, is_write, ptr + done, some, done, room < 0 ? NULL : &index))
			return 0;
	}
	return 1;
}

/* Return: whether what was written is what is read, into another buffer. */
static int is_round_right(int fd, size_t size, unsigned int round)
{
	char *from = malloc(size), *to = malloc(size);
	int is_right = 0;

	if (from && to) {
		for (size_t i = 0; i < size; i++)
			from[i] = (char)(i * 31 + i / 251 + round);
		is_right = transfer(fd, 1, from, size) && transfer(fd, 0, to, size) &&
			   !memcmp(from, to, size);
	}
	free(from);
	free(to);
	return is_right;
}

/* A ring and its buffers belong to the process that created them. Return: whether it is so. */
static int is_child_refused(void)
{
	char *own = malloc(100);
	uint64_t index;
	int status;
	pid_t child = fork();

	if (!child)
		_exit(buffers_index(&buffers, own, &index) == -1 && errno == ECHILD ? 0 : 1);
	free(own);
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

int main(int argc, char **argv)
{
	unsigned int seed = 1;
	size_t mismatches = 0;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: try FILE\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	if (ring_begin(&ring) || buffers_begin(&buffers, ring.fd)) {
		fprintf(stderr, "try: no ring with a table of buffers: %m\n");
		return 77;
	}
	for (unsigned int i = 0; i < ROUNDS; i++) {
		size_t size = i % 4 ? (size_t)rand_r(&seed) % 100000 + 1
				    : (size_t)rand_r(&seed) % SIZE_MAX_BYTES + 1;

		mismatches += !is_round_right(fd, size, i);
		if (i % 50 == 49)
			pinned_purge();
	}
	mismatches += !is_child_refused();
	buffers_end(&buffers);
	printf("io_uring backend=%s requests=%zu registered=%zu chunks_added=%zu "
	       "chunks_removed=%zu "
	       "mismatches=%zu\n",
	       pinned_backend(), requests, registered, buffers.added, buffers.removed, mismatches);
	return mismatches || buffers.added != buffers.removed;
}

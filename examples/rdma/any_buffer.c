// SPDX-License-Identifier: MIT
/*
 * A program that sends and receives messages by RDMA in buffers from malloc, of any size, and that
 * registers none of them. Start the program under pinned-run(1), so that malloc returns pinned
 * memory.
 *
 * usage: any_buffer DEVICE MESSAGES
 * Prints "any_buffer backend=NAME messages=N bytes=N regions_added=N regions_removed=N
 * mismatches=N". The exit status is 0 if all bytes have arrived.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/rdma/rdma.h"
#include "regions.h"

#define PIECES 4
#define LARGEST ((size_t)3 << 20)

static struct regions regions;
static struct ibv_cq *completions;
static struct ibv_qp *sender, *receiver;

static struct ibv_qp *make_queue(struct ibv_pd *domain)
{
	struct ibv_qp_init_attr wanted = {
		.send_cq = completions,
		.recv_cq = completions,
		.cap = { .max_send_wr = 4,
			 .max_recv_wr = 4,
			 .max_send_sge = PIECES,
			 .max_recv_sge = PIECES },
		.qp_type = IBV_QPT_RC,
	};
	struct ibv_qp *queue = ibv_create_qp(domain, &wanted);

	if (!queue)
		rdma_die("cannot make a queue pair: %m");
	return queue;
}

static int pieces_of(char *buffer, size_t size, struct ibv_sge *pieces)
{
	int count = regions_pieces(&regions, buffer, size, pieces, PIECES);

	if (count < 0)
		rdma_die("a buffer of %zu bytes has no key: %m", size);
	return count;
}

/* Sends the bytes of one buffer to another one. */
static void transfer(char *from, char *to, size_t size)
{
	struct ibv_sge out[PIECES], in[PIECES];
	struct ibv_recv_wr receive = { .sg_list = in, .num_sge = pieces_of(to, size, in) };
	struct ibv_send_wr send = {
		.sg_list = out,
		.num_sge = pieces_of(from, size, out),
		.opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED,
	};
	struct ibv_recv_wr *not_received;
	struct ibv_send_wr *not_sent;

	if (ibv_post_recv(receiver, &receive, &not_received) ||
	    ibv_post_send(sender, &send, &not_sent))
		rdma_die("cannot post a request: %m");
	rdma_wait(completions);
	rdma_wait(completions);
}

/* Returns whether a message in new buffers arrives. */
static int is_message_right(size_t size, unsigned int number)
{
	char *from = malloc(size), *to = calloc(1, size);
	int is_right;

	if (!from || !to)
		rdma_die("no memory");
	for (size_t i = 0; i < size; i++)
		from[i] = (char)(i * 31 + i / 251 + number);
	transfer(from, to, size);
	is_right = !memcmp(from, to, size);
	free(from);
	free(to);
	return is_right;
}

/* A domain belongs to the process that created it. Returns whether a child gets no key. */
static int is_child_refused(void)
{
	struct ibv_sge pieces[PIECES];
	char *own = malloc(100);
	int status;
	pid_t child = fork();

	if (!child)
		_exit(regions_pieces(&regions, own, 100, pieces, PIECES) == -1 && errno == ECHILD
			      ? 0
			      : 1);
	free(own);
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

int main(int argc, char **argv)
{
	struct ibv_context *context;
	struct ibv_pd *domain;
	unsigned int seed = 1, messages;
	size_t bytes = 0, mismatches = 0;

	if (argc != 3)
		rdma_die("usage: any_buffer DEVICE MESSAGES");
	messages = (unsigned int)strtoul(argv[2], NULL, 0);
	context = rdma_open(argv[1]);
	domain = ibv_alloc_pd(context);
	completions = ibv_create_cq(context, 8, NULL, NULL, 0);
	if (!domain || !completions || regions_begin(&regions, domain))
		rdma_die("cannot begin: %m");
	sender = make_queue(domain);
	receiver = make_queue(domain);
	rdma_pair(context, sender, receiver);
	for (unsigned int i = 0; i < messages; i++) {
		size_t most = i % 8 ? 20000 : LARGEST, size = (size_t)rand_r(&seed) % most + 1;

		mismatches += !is_message_right(size, i);
		bytes += size;
		/* Chunks that are given back are withdrawn, and others take their places. */
		if (i % 64 == 63)
			pinned_purge();
	}
	mismatches += !is_child_refused();
	ibv_destroy_qp(sender);
	ibv_destroy_qp(receiver);
	regions_end(&regions);
	printf("any_buffer backend=%s messages=%u bytes=%zu regions_added=%zu regions_removed=%zu "
	       "mismatches=%zu\n",
	       pinned_backend(), messages, bytes, regions.added, regions.removed, mismatches);
	return mismatches || regions.added != regions.removed;
}

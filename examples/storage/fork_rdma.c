// SPDX-License-Identifier: MIT
/*
 * A program that uses RDMA and forks. It is written for any machine and does not use pinned
 * memory's interface. It registers two buffers from malloc. The card then moves data from one
 * buffer to the other while forked children overwrite their copies. The card must keep accessing
 * the parent's buffers: data that the parent writes after a fork must arrive in the buffer that the
 * parent reads, and no child may see it.
 *
 * usage: fork_rdma DEVICE BYTES ROUNDS
 * Prints "rounds=N transferred_bytes=N mismatches=N".
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/rdma/rdma.h"

struct side {
	unsigned char *bytes;
	struct ibv_mr *region;
	struct ibv_qp *queue;
};

static size_t size;
static struct ibv_cq *completions;

/* Setting up. */

static void make_side(struct side *side, struct ibv_pd *domain)
{
	struct ibv_qp_init_attr wanted = {
		.send_cq = completions,
		.recv_cq = completions,
		.cap = { .max_send_wr = 4, .max_recv_wr = 4, .max_send_sge = 1, .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
	};

	side->bytes = malloc(size);
	if (!side->bytes)
		rdma_die("no memory for %zu bytes", size);
	memset(side->bytes, 0, size);
	side->region = ibv_reg_mr(domain, side->bytes, size, RDMA_ACCESS);
	side->queue = ibv_create_qp(domain, &wanted);
	if (!side->region || !side->queue)
		rdma_die("cannot register memory or make a queue pair: %m");
}

/* Rounds. */

static unsigned char byte_of(unsigned int round, size_t i)
{
	return (unsigned char)(i * 31 + i / 251 + round * 7 + 1);
}

static size_t count_wrong(const unsigned char *bytes, unsigned int round)
{
	size_t wrong = 0;

	for (size_t i = 0; i < size; i++)
		wrong += bytes[i] != byte_of(round, i);
	return wrong;
}

/*
 * Overwrites the child's copies of the buffers, tells the parent, and waits for its word. Exits
 * with 1 if the child sees data that the parent wrote after the fork.
 */
static _Noreturn void be_child(struct side *from, struct side *to, int word, int answer)
{
	char c = 0;

	memset(from->bytes, 0xee, size);
	memset(to->bytes, 0xdd, size);
	if (write(answer, &c, 1) != 1 || read(word, &c, 1) != 1)
		_exit(2);
	for (size_t i = 0; i < size; i++)
		if (from->bytes[i] != 0xee || to->bytes[i] != 0xdd)
			_exit(1);
	_exit(0);
}

static void transfer(struct side *from, struct side *to)
{
	struct ibv_sge piece = { (uintptr_t)from->bytes, (uint32_t)size, from->region->lkey };
	struct ibv_send_wr request = {
		.sg_list = &piece,
		.num_sge = 1,
		.opcode = IBV_WR_RDMA_WRITE,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.rdma = { .remote_addr = (uintptr_t)to->bytes, .rkey = to->region->rkey },
	};
	struct ibv_send_wr *refused;

	if (ibv_post_send(from->queue, &request, &refused))
		rdma_die("cannot post a request: %m");
	rdma_wait(completions);
}

/*
 * Runs one round. Return: the number of wrong bytes; all bytes if the child saw the parent's data.
 */
static size_t run_round(struct side *from, struct side *to, unsigned int round)
{
	int word[2], answer[2], status;
	size_t wrong;
	pid_t child;
	char c = 0;

	if (pipe(word) || pipe(answer))
		rdma_die("no pipe: %m");
	child = fork();
	if (child < 0)
		rdma_die("cannot fork: %m");
	if (!child)
		be_child(from, to, word[0], answer[1]);
	/* Rounds alternate: the parent writes before or after the child overwrites its copies. */
	if (round % 2 && read(answer[0], &c, 1) != 1)
		rdma_die("the child says nothing");
	for (size_t i = 0; i < size; i++)
		from->bytes[i] = byte_of(round, i);
	transfer(from, to);
	wrong = count_wrong(to->bytes, round);
	if (write(word[1], &c, 1) != 1 || waitpid(child, &status, 0) != child)
		rdma_die("lost the child: %m");
	for (int i = 0; i < 2; i++) {
		close(word[i]);
		close(answer[i]);
	}
	return WIFEXITED(status) && !WEXITSTATUS(status) ? wrong : size;
}

int main(int argc, char **argv)
{
	struct side from, to;
	struct ibv_context *context;
	struct ibv_pd *domain;
	unsigned int rounds;
	size_t wrong = 0;

	if (argc != 4)
		rdma_die("usage: fork_rdma DEVICE BYTES ROUNDS");
	size = strtoul(argv[2], NULL, 0);
	rounds = (unsigned int)strtoul(argv[3], NULL, 0);
	context = rdma_open(argv[1]);
	domain = ibv_alloc_pd(context);
	completions = ibv_create_cq(context, 8, NULL, NULL, 0);
	if (!size || !rounds || !domain || !completions)
		rdma_die("cannot begin: %m");
	make_side(&from, domain);
	make_side(&to, domain);
	rdma_pair(context, from.queue, to.queue);
	for (unsigned int round = 0; round < rounds; round++)
		wrong += run_round(&from, &to, round);
	printf("rounds=%u transferred_bytes=%zu mismatches=%zu\n", rounds, rounds * size, wrong);
	return wrong ? 1 : 0;
}

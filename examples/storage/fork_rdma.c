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
#include <infiniband/verbs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 1
#define ACCESS (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE)

struct side {
	unsigned char *bytes;
	struct ibv_mr *region;
	struct ibv_qp *queue;
};

static size_t size;
static struct ibv_cq *completions;

static _Noreturn __attribute__((format(printf, 1, 2))) void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "fork_rdma: ");
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	exit(1);
}

/* Setting up. */

static struct ibv_context *open_device(const char *name)
{
	struct ibv_device **devices = ibv_get_device_list(NULL);
	struct ibv_context *context = NULL;

	for (size_t i = 0; devices && devices[i]; i++)
		if (!strcmp(ibv_get_device_name(devices[i]), name))
			context = ibv_open_device(devices[i]);
	if (devices)
		ibv_free_device_list(devices);
	if (!context)
		die("there is no RDMA device %s; 'ibv_devices' lists those there are", name);
	return context;
}

/*
 * Finds the first RoCE v2 address; a soft device cannot reach itself through other address types.
 */
static unsigned int find_address(struct ibv_context *context, union ibv_gid *address)
{
	struct ibv_gid_entry entry;

	for (unsigned int i = 0; i < 16; i++) {
		if (ibv_query_gid_ex(context, PORT, i, &entry, 0) ||
		    entry.gid_type != IBV_GID_TYPE_ROCE_V2)
			continue;
		*address = entry.gid;
		return i;
	}
	die("the device has no RoCE v2 address; give its network interface one");
}

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
		die("no memory for %zu bytes", size);
	memset(side->bytes, 0, size);
	side->region = ibv_reg_mr(domain, side->bytes, size, ACCESS);
	side->queue = ibv_create_qp(domain, &wanted);
	if (!side->region || !side->queue)
		die("cannot register memory or make a queue pair: %m");
}

static void connect_to(struct ibv_qp *queue, const struct ibv_qp *other,
		       const union ibv_gid *address, unsigned int address_index)
{
	struct ibv_qp_attr init = { .qp_state = IBV_QPS_INIT,
				    .port_num = PORT,
				    .qp_access_flags = ACCESS };
	struct ibv_qp_attr receive = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = other->qp_num,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 12,
		.ah_attr = {
			.is_global = 1,
			.port_num = PORT,
			.grh = { .dgid = *address, .sgid_index = (uint8_t)address_index, .hop_limit = 1 },
		},
	};
	struct ibv_qp_attr send = {
		.qp_state = IBV_QPS_RTS,
		.timeout = 18,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.max_rd_atomic = 1,
	};

	if (ibv_modify_qp(queue, &init,
			  IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS) ||
	    ibv_modify_qp(queue, &receive,
			  IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
				  IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
				  IBV_QP_MIN_RNR_TIMER) ||
	    ibv_modify_qp(queue, &send,
			  IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
				  IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC))
		die("cannot connect the queue pairs: %m");
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
	struct ibv_wc done;
	int count;

	if (ibv_post_send(from->queue, &request, &refused))
		die("cannot post a request: %m");
	do
		count = ibv_poll_cq(completions, 1, &done);
	while (!count);
	if (count < 0 || done.status != IBV_WC_SUCCESS)
		die("the transfer failed: %s",
		    count < 0 ? "no completion" : ibv_wc_status_str(done.status));
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
		die("no pipe: %m");
	child = fork();
	if (child < 0)
		die("cannot fork: %m");
	if (!child)
		be_child(from, to, word[0], answer[1]);
	/* Rounds alternate: the parent writes before or after the child overwrites its copies. */
	if (round % 2 && read(answer[0], &c, 1) != 1)
		die("the child says nothing");
	for (size_t i = 0; i < size; i++)
		from->bytes[i] = byte_of(round, i);
	transfer(from, to);
	wrong = count_wrong(to->bytes, round);
	if (write(word[1], &c, 1) != 1 || waitpid(child, &status, 0) != child)
		die("lost the child: %m");
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
	union ibv_gid address;
	unsigned int index, rounds;
	size_t wrong = 0;

	if (argc != 4)
		die("usage: fork_rdma DEVICE BYTES ROUNDS");
	size = strtoul(argv[2], NULL, 0);
	rounds = (unsigned int)strtoul(argv[3], NULL, 0);
	context = open_device(argv[1]);
	index = find_address(context, &address);
	domain = ibv_alloc_pd(context);
	completions = ibv_create_cq(context, 8, NULL, NULL, 0);
	if (!size || !rounds || !domain || !completions)
		die("cannot begin: %m");
	make_side(&from, domain);
	make_side(&to, domain);
	connect_to(from.queue, to.queue, &address, index);
	connect_to(to.queue, from.queue, &address, index);
	for (unsigned int round = 0; round < rounds; round++)
		wrong += run_round(&from, &to, round);
	printf("rounds=%u transferred_bytes=%zu mismatches=%zu\n", rounds, rounds * size, wrong);
	return wrong ? 1 : 0;
}

// SPDX-License-Identifier: MIT
/* Opens and connects what RDMA needs; see rdma.h. */
#define _GNU_SOURCE
#include "rdma.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT 1

void rdma_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

struct ibv_context *rdma_open(const char *name)
{
	struct ibv_device **devices = ibv_get_device_list(NULL);
	struct ibv_context *context = NULL;

	for (size_t i = 0; devices && devices[i]; i++)
		if (!strcmp(ibv_get_device_name(devices[i]), name))
			context = ibv_open_device(devices[i]);
	if (devices)
		ibv_free_device_list(devices);
	if (!context)
		rdma_die("there is no RDMA device %s; 'ibv_devices' lists those there are", name);
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
	rdma_die("the device has no RoCE v2 address; give its network interface one");
}

static void connect_to(struct ibv_qp *queue, const struct ibv_qp *other,
		       const union ibv_gid *address, unsigned int address_index)
{
	struct ibv_qp_attr init = { .qp_state = IBV_QPS_INIT,
				    .port_num = PORT,
				    .qp_access_flags = RDMA_ACCESS };
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
		rdma_die("cannot connect the queue pairs: %m");
}

void rdma_pair(struct ibv_context *context, struct ibv_qp *one, struct ibv_qp *other)
{
	union ibv_gid address;
	unsigned int index = find_address(context, &address);

	connect_to(one, other, &address, index);
	connect_to(other, one, &address, index);
}

void rdma_wait(struct ibv_cq *completions)
{
	struct ibv_wc done;
	int count;

	do
		count = ibv_poll_cq(completions, 1, &done);
	while (!count);
	if (count < 0 || done.status != IBV_WC_SUCCESS)
		rdma_die("the transfer failed: %s",
			 count < 0 ? "no completion" : ibv_wc_status_str(done.status));
}

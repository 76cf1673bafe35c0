/* SPDX-License-Identifier: MIT */
/*
 * What RDMA needs before the first transfer: a device, and two queue pairs of it that are connected
 * with each other. The functions end the program with a message if something is missing.
 */
#ifndef RDMA_H
#define RDMA_H

#include <infiniband/verbs.h>

#define RDMA_ACCESS (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE)

/* Prints the program's name and a message, and exits with 1. */
_Noreturn void rdma_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Opens a device by its name. */
struct ibv_context *rdma_open(const char *name);
/* Connects two reliable queue pairs of the device with each other. */
void rdma_pair(struct ibv_context *context, struct ibv_qp *one, struct ibv_qp *other);
/* Waits for one completion, which must be a success. */
void rdma_wait(struct ibv_cq *completions);

#endif /* RDMA_H */

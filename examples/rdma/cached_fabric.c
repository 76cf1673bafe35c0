// SPDX-License-Identifier: MIT
/*
 * The part of libfabric: the provider verbs keeps registrations in a cache, and learns by memhooks
 * or by userfaultfd which memory goes (FI_MR_CACHE_MONITOR); the provider rxm registers each buffer
 * for a write, and withdraws the registration after the write. See cached.c.
 */
#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cached.h"

static struct fi_info *info;
static struct fid_fabric *fabric;
static struct fid_domain *domain;
static struct fid_av *addresses;
static struct fid_cq *completions;
static struct fid_ep *endpoint;
static struct fid_mr *target_region;
static fi_addr_t own_address;
/* An offset in the target, or an address, as the provider demands. */
static uint64_t target_address;

static void check(long result, const char *what)
{
	if (result < 0)
		cached_die("%s: %s", what, fi_strerror((int)-result));
}

static void find_provider(const char *address)
{
	struct fi_info *hints = fi_allocinfo();

	if (!hints)
		cached_die("no memory");
	hints->ep_attr->type = FI_EP_RDM;
	hints->caps = FI_MSG | FI_RMA | FI_WRITE | FI_REMOTE_WRITE;
	hints->tx_attr->op_flags = FI_DELIVERY_COMPLETE;
	hints->domain_attr->mr_mode = FI_MR_VIRT_ADDR | FI_MR_ALLOCATED | FI_MR_PROV_KEY;
	hints->fabric_attr->prov_name = strdup("verbs;ofi_rxm");
	check(fi_getinfo(FI_VERSION(1, 17), address, NULL, FI_SOURCE, hints, &info), "fi_getinfo");
	fi_freeinfo(hints);
}

static void open_endpoint(void)
{
	struct fi_av_attr table = { .type = FI_AV_TABLE };
	struct fi_cq_attr queue = { .format = FI_CQ_FORMAT_CONTEXT };
	char name[256];
	size_t length = sizeof(name);

	check(fi_fabric(info->fabric_attr, &fabric, NULL), "fi_fabric");
	check(fi_domain(fabric, info, &domain, NULL), "fi_domain");
	check(fi_av_open(domain, &table, &addresses, NULL), "fi_av_open");
	check(fi_cq_open(domain, &queue, &completions, NULL), "fi_cq_open");
	check(fi_endpoint(domain, info, &endpoint, NULL), "fi_endpoint");
	check(fi_ep_bind(endpoint, &addresses->fid, 0), "fi_ep_bind");
	check(fi_ep_bind(endpoint, &completions->fid, FI_TRANSMIT | FI_RECV), "fi_ep_bind");
	check(fi_enable(endpoint), "fi_enable");
	check(fi_getname(&endpoint->fid, name, &length), "fi_getname");
	if (fi_av_insert(addresses, name, 1, &own_address, 0, NULL) != 1)
		cached_die("fi_av_insert");
}

void cached_begin(const char *address, void *target, size_t size)
{
	find_provider(address);
	open_endpoint();
	check(fi_mr_reg(domain, target, size, FI_REMOTE_WRITE, 0, 0, 0, &target_region, NULL),
	      "fi_mr_reg");
	if (info->domain_attr->mr_mode & FI_MR_VIRT_ADDR)
		target_address = (uintptr_t)target;
}

void cached_write(const void *buffer, size_t size)
{
	struct fi_cq_err_entry failed = { 0 };
	struct fi_cq_entry done;
	ssize_t result;

	do {
		result = fi_write(endpoint, buffer, size, NULL, own_address, target_address,
				  fi_mr_key(target_region), NULL);
		if (result == -FI_EAGAIN)
			fi_cq_read(completions, NULL, 0);
	} while (result == -FI_EAGAIN);
	check(result, "fi_write");
	do
		result = fi_cq_read(completions, &done, 1);
	while (result == -FI_EAGAIN);
	if (result == -FI_EAVAIL) {
		fi_cq_readerr(completions, &failed, 0);
		result = -failed.err;
	}
	check(result, "the write");
}

void cached_end(void)
{
	fi_close(&target_region->fid);
	fi_close(&endpoint->fid);
	fi_close(&completions->fid);
	fi_close(&addresses->fid);
	fi_close(&domain->fid);
	fi_close(&fabric->fid);
	fi_freeinfo(info);
}

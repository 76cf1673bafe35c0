// SPDX-License-Identifier: MIT
/*
 * The part of UCX, through its transport interface (UCT): a memory domain keeps registrations in a
 * cache, and learns by patched functions (libucm) which memory goes. The protocols of UCP use the
 * same cache, but connect by datagrams that soft RoCE does not deliver to its own card. See
 * cached.c.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucs/async/async_fwd.h>
#include <uct/api/uct.h>

#include "cached.h"

#define TRANSPORT "rc_verbs"
#define CARD "rxe0"

static uct_component_h component;
static uct_md_h domain;
static ucs_async_context_t *async;
static uct_worker_h worker;
static uct_iface_h interface;
static uct_ep_h endpoint, other_endpoint;
static uct_mem_h target_handle;
static uct_rkey_bundle_t target_key;
static uint64_t target_address;

static void check(ucs_status_t status, const char *what)
{
	if (status != UCS_OK)
		cached_die("%s: %s", what, ucs_status_string(status));
}

static void open_domain(void)
{
	uct_component_attr_t attributes = { .field_mask = UCT_COMPONENT_ATTR_FIELD_NAME };
	uct_component_h *components;
	uct_md_config_t *config;
	unsigned int count;

	check(uct_query_components(&components, &count), "uct_query_components");
	for (unsigned int i = 0; i < count && !component; i++) {
		check(uct_component_query(components[i], &attributes), "uct_component_query");
		if (!strcmp(attributes.name, "ib"))
			component = components[i];
	}
	uct_release_component_list(components);
	if (!component)
		cached_die("UCX has no part for RDMA");
	check(uct_md_config_read(component, NULL, NULL, &config), "uct_md_config_read");
	check(uct_md_open(component, CARD, config, &domain), "uct_md_open");
	uct_config_release(config);
}

static void open_interface(void)
{
	const uct_iface_params_t params = {
		.field_mask = UCT_IFACE_PARAM_FIELD_OPEN_MODE | UCT_IFACE_PARAM_FIELD_DEVICE,
		.open_mode = UCT_IFACE_OPEN_MODE_DEVICE,
		.mode.device = { .tl_name = TRANSPORT, .dev_name = CARD ":1" },
	};
	uct_iface_config_t *config;

	check(ucs_async_context_create(UCS_ASYNC_MODE_THREAD_SPINLOCK, &async),
	      "ucs_async_context_create");
	check(uct_worker_create(async, UCS_THREAD_MODE_SINGLE, &worker), "uct_worker_create");
	check(uct_md_iface_config_read(domain, TRANSPORT, NULL, NULL, &config),
	      "uct_md_iface_config_read");
	check(uct_iface_open(domain, worker, &params, config, &interface), "uct_iface_open");
	uct_config_release(config);
	uct_iface_progress_enable(interface, UCT_PROGRESS_SEND | UCT_PROGRESS_RECV);
}

/* Connects two endpoints of the same interface with each other. */
static void connect_endpoints(void)
{
	const uct_ep_params_t params = {
		.field_mask = UCT_EP_PARAM_FIELD_IFACE,
		.iface = interface,
	};
	uct_iface_attr_t attributes;
	uct_device_addr_t *device;
	uct_ep_addr_t *one, *other;

	check(uct_iface_query(interface, &attributes), "uct_iface_query");
	check(uct_ep_create(&params, &endpoint), "uct_ep_create");
	check(uct_ep_create(&params, &other_endpoint), "uct_ep_create");
	device = malloc(attributes.device_addr_len);
	one = malloc(attributes.ep_addr_len);
	other = malloc(attributes.ep_addr_len);
	if (!device || !one || !other)
		cached_die("no memory");
	check(uct_iface_get_device_address(interface, device), "uct_iface_get_device_address");
	check(uct_ep_get_address(endpoint, one), "uct_ep_get_address");
	check(uct_ep_get_address(other_endpoint, other), "uct_ep_get_address");
	check(uct_ep_connect_to_ep(endpoint, device, other), "uct_ep_connect_to_ep");
	check(uct_ep_connect_to_ep(other_endpoint, device, one), "uct_ep_connect_to_ep");
	free(device);
	free(one);
	free(other);
}

void cached_begin(const char *address, void *target, size_t size)
{
	uct_md_attr_t attributes;
	void *packed;

	/* The environment variable UCX_IB_GID_INDEX chooses the address. */
	(void)address;
	open_domain();
	open_interface();
	connect_endpoints();
	check(uct_md_query(domain, &attributes), "uct_md_query");
	check(uct_md_mem_reg(domain, target, size, UCT_MD_MEM_ACCESS_ALL, &target_handle),
	      "uct_md_mem_reg");
	packed = malloc(attributes.rkey_packed_size);
	if (!packed)
		cached_die("no memory");
	check(uct_md_mkey_pack(domain, target_handle, packed), "uct_md_mkey_pack");
	check(uct_rkey_unpack(component, packed, &target_key), "uct_rkey_unpack");
	free(packed);
	target_address = (uintptr_t)target;
}

static void ignore(uct_completion_t *completion)
{
	(void)completion;
}

void cached_write(const void *buffer, size_t size)
{
	uct_completion_t completion = { .func = ignore, .count = 1, .status = UCS_OK };
	uct_iov_t piece = { .buffer = (void *)buffer, .length = size, .count = 1 };
	ucs_status_t status;

	check(uct_md_mem_reg(domain, (void *)buffer, size, UCT_MD_MEM_ACCESS_ALL, &piece.memh),
	      "uct_md_mem_reg");
	do {
		status = uct_ep_put_zcopy(endpoint, &piece, 1, target_address, target_key.rkey,
					  &completion);
		if (status == UCS_ERR_NO_RESOURCE)
			uct_worker_progress(worker);
	} while (status == UCS_ERR_NO_RESOURCE);
	if (status != UCS_INPROGRESS)
		check(status, "uct_ep_put_zcopy");
	while (status == UCS_INPROGRESS && completion.count)
		uct_worker_progress(worker);
	check(completion.status, "the write");
	check(uct_md_mem_dereg(domain, piece.memh), "uct_md_mem_dereg");
}

void cached_end(void)
{
	uct_rkey_release(component, &target_key);
	uct_md_mem_dereg(domain, target_handle);
	uct_ep_destroy(endpoint);
	uct_ep_destroy(other_endpoint);
	uct_iface_close(interface);
	uct_worker_destroy(worker);
	ucs_async_context_destroy(async);
	uct_md_close(domain);
}

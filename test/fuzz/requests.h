/* SPDX-License-Identifier: MIT */
/* The fuzzer's table of requests: see requests.c. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "fuzz.h"

union argument {
	struct {
		__u32 size, flags;
	};
	struct pinned_mem_info info;
	struct pinned_mem_populate populate;
	struct pinned_mem_punch punch;
	struct pinned_mem_query query;
	struct pinned_mem_sync sync;
	struct pinned_mem_export export;
	struct pinned_mem_pin pin;
	struct pinned_mem_unpin unpin;
	char bytes[256];
};

/**
 * struct request - one kind of request
 * @make:	makes a valid request
 * @expect:	returns the error that the model predicts for the request, or 0
 * @done:	updates the model after success
 * @also:	errors that a valid request may return too, besides lack of memory
 */
struct request {
	const char *name;
	unsigned int cmd, weight;
	bool is_for_owner;
	void (*make)(const struct model_pool *pool, union argument *arg);
	int (*expect)(const struct model_pool *pool, const union argument *arg);
	void (*done)(struct model_pool *pool, union argument *arg);
	int also[3];
};

const struct request *fuzz_pick_request(void);
/* Returns a random open pool, or NULL. */
struct model_pool *fuzz_pick_pool(void);

#endif

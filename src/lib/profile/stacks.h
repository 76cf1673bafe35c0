/* SPDX-License-Identifier: MIT */
/* The call stacks of a heap profile, each once, with what is live and what was allocated there. */
#ifndef PN_STACKS_H
#define PN_STACKS_H

#include "os/base.h"
#include "os/lock.h"

#define PN_STACK_DEPTH_MAX 64

/**
 * struct pn_stack - one call stack; never given back
 * @next: in its list
 * @hash: of @callers
 * @depth: how many callers
 * @live_objects: samples that are not freed
 * @live_bytes: of these
 * @all_objects: all samples
 * @all_bytes: of these
 * @callers: return addresses, innermost first
 *
 * The counts are written under the profile's lock, and read without it.
 */
struct pn_stack {
	struct pn_stack *next;
	uint64_t hash;
	uint64_t depth;
	uint64_t live_objects;
	uint64_t live_bytes;
	uint64_t all_objects;
	uint64_t all_bytes;
	uintptr_t callers[];
};

/* Covers the records, their counts, and the samples (profile.c); runtime.c says where it nests. */
extern struct pn_lock pn_stacks_lock __attribute__((visibility("hidden")));

/* Return: false without memory. */
bool pn_stacks_init(void);
/*
 * Finds the record of a stack, or makes one. Return: NULL if there is no memory for the record.
 */
struct pn_stack *pn_stacks_find_locked(const uintptr_t *callers, size_t depth);
/* The one behind @stack, in no order that means anything; the first if that is NULL. No lock is needed. */
struct pn_stack *pn_stacks_next(const struct pn_stack *stack);

#endif /* PN_STACKS_H */

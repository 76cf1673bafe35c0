/* SPDX-License-Identifier: MIT */
/*
 * The call stacks of a heap profile. Each is recorded once, with the sums of all samples that were
 * taken there and of those that are live.
 */
#ifndef PN_STACKS_H
#define PN_STACKS_H

#include "os/base.h"
#include "os/lock.h"

#define PN_STACK_DEPTH_MAX 64

/**
 * struct pn_stack - one call stack; a record is never freed
 * @next: next in its list
 * @hash: hash of @callers
 * @depth: number of callers
 * @live_objects: number of sampled objects that are not freed
 * @live_bytes: bytes of these objects
 * @all_objects: number of all sampled objects
 * @all_bytes: bytes of these objects
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

/*
 * The profile's lock, which covers the stacks, their counts, and the samples (profile.c). runtime.c
 * describes the lock order.
 */
extern struct pn_lock pn_stacks_lock __attribute__((visibility("hidden")));

/* Allocates the table. Return: false if there is no memory. */
bool pn_stacks_init(void);
/*
 * Finds the record of a stack, or makes one. Return: the record; NULL if there is no memory for it.
 */
struct pn_stack *pn_stacks_find_locked(const uintptr_t *callers, size_t depth);
/*
 * Walks all stacks, in no particular order, without a lock. Return: the stack after @stack, the
 * first one if @stack is NULL; NULL at the end.
 */
struct pn_stack *pn_stacks_next(const struct pn_stack *stack);

#endif /* PN_STACKS_H */

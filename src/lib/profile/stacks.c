// SPDX-License-Identifier: MIT
/* The table of call stacks; see stacks.h. A record is linked into its list after it is complete. */
#include "profile/stacks.h"

#include <string.h>

#include "os/meta.h"
#include "os/sys.h"
#include "os/watch.h"

#define LISTS 4096

struct pn_lock pn_stacks_lock = PN_LOCK_INIT;
/* NULL while there is no profile. */
static struct pn_stack **lists;

PN_WATCH_CONSTANT(stack_lists, LISTS);
PN_WATCH_VARIABLE(stacks, lists);
PN_WATCH_CONSTANT(sizeof_pn_stack, sizeof(struct pn_stack));
PN_WATCH_MEMBER(pn_stack, next);
PN_WATCH_MEMBER(pn_stack, depth);
PN_WATCH_MEMBER(pn_stack, live_objects);
PN_WATCH_MEMBER(pn_stack, live_bytes);
PN_WATCH_MEMBER(pn_stack, all_objects);
PN_WATCH_MEMBER(pn_stack, all_bytes);

bool pn_stacks_init(void)
{
	lists = pn_sys_table(LISTS * sizeof(struct pn_stack *));
	return lists;
}

/* FNV-1a, applied to words instead of bytes. */
static uint64_t hash_of(const uintptr_t *callers, size_t depth)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < depth; i++)
		hash = (hash ^ callers[i]) * 0x100000001b3u;
	return hash ^ hash >> 32;
}

static bool is_same(const struct pn_stack *stack, uint64_t hash, const uintptr_t *callers,
		    size_t depth)
{
	return stack->hash == hash && stack->depth == depth &&
	       !memcmp(stack->callers, callers, depth * sizeof(*callers));
}

struct pn_stack *pn_stacks_find_locked(const uintptr_t *callers, size_t depth)
{
	uint64_t hash = hash_of(callers, depth);
	struct pn_stack **list = &lists[hash % LISTS];
	struct pn_stack *stack = *list;

	pn_lock_assert_held(&pn_stacks_lock);
	while (stack && !is_same(stack, hash, callers, depth))
		stack = stack->next;
	if (stack)
		return stack;
	stack = pn_meta_alloc(sizeof(*stack) + depth * sizeof(*callers));
	if (!stack)
		return NULL;
	stack->hash = hash;
	stack->depth = depth;
	memcpy(stack->callers, callers, depth * sizeof(*callers));
	stack->next = *list;
	__atomic_store_n(list, stack, __ATOMIC_RELEASE);
	return stack;
}

struct pn_stack *pn_stacks_next(const struct pn_stack *stack)
{
	size_t list = stack ? stack->hash % LISTS + 1 : 0;
	struct pn_stack *next = stack ? stack->next : NULL;

	while (!next && list < LISTS)
		next = __atomic_load_n(&lists[list++], __ATOMIC_ACQUIRE);
	return next;
}

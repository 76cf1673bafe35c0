/* SPDX-License-Identifier: MIT */
/*
 * The heap profile: of the bytes that are allocated one in so many is a sample, at
 * random, and the object that it is in is recorded with its call stack until it is
 * freed. While there is a profile threads have no caches, so that every allocation
 * and every free takes a slow path; without one the fast paths do not know of it.
 */
#ifndef PN_PROFILE_H
#define PN_PROFILE_H

#include "arena/arena.h"
#include "profile/stacks.h"

/* Written at initialisation only. */
extern bool pn_profile_is_on;

/* @bytes: the mean between samples; 0 for no profile. */
void pn_profile_start(size_t bytes);
/* The mean between samples. */
size_t pn_profile_bytes(void);

void pn_profile_sample(const void *object, size_t size);
void pn_profile_forget(const void *object);
/* All that @heap, which ends, has; with the arena's lock held. */
void pn_profile_forget_heap(const struct pn_heap *heap);

static inline void pn_profile_allocated(const void *object, size_t size)
{
	if (pn_unlikely(pn_profile_is_on))
		pn_profile_sample(object, size);
}

/* Before it can be allocated again. */
static inline void pn_profile_freed(const void *object)
{
	if (pn_unlikely(pn_profile_is_on))
		pn_profile_forget(object);
}

static inline void pn_profile_resized(const void *object, size_t size)
{
	pn_profile_freed(object);
	pn_profile_allocated(object, size);
}

/* In a forked child, whose profile begins as its parent's. */
void pn_profile_in_child(void);

#endif /* PN_PROFILE_H */

/* SPDX-License-Identifier: MIT */
/*
 * The heap profile. Allocated bytes are sampled at random, on average one in as many as the
 * configuration says, and the object that contains a sampled byte is recorded with its call stack
 * until it is freed. While there is a profile, threads have no caches, so every allocation and
 * every free takes a slow path. The fast paths contain no check for a profile.
 */
#ifndef PN_PROFILE_H
#define PN_PROFILE_H

#include "arena/arena.h"
#include "profile/stacks.h"

/* True if there is a profile; written only at initialisation. */
extern bool pn_profile_is_on;

/* Starts the profile. @bytes is the mean number of bytes between samples; 0: no profile. */
void pn_profile_start(size_t bytes);
/* Returns the mean number of bytes between samples; 0 if there is no profile. */
size_t pn_profile_bytes(void);

/* Decides whether an object that was just allocated is sampled, and records it. */
void pn_profile_sample(const void *object, size_t size);
/* Drops the sample of an object, if it has one. */
void pn_profile_forget(const void *object);
/*
 * Drops the samples of all objects of @heap, which is being destroyed. The caller holds the arena's
 * lock.
 */
void pn_profile_forget_heap(const struct pn_heap *heap);

static inline void pn_profile_allocated(const void *object, size_t size)
{
	if (pn_unlikely(pn_profile_is_on))
		pn_profile_sample(object, size);
}

/* Call this before the object's memory can be allocated again. */
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

/* In a forked child: keeps the parent's samples, which the child has inherited. */
void pn_profile_in_child(void);

#endif /* PN_PROFILE_H */

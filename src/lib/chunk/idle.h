/* SPDX-License-Identifier: MIT */
/*
 * The cache of a heap's idle chunks, which have memory and hold nothing (EMPTY): what enters the
 * cache, what leaves it, and when memory is given back. The caller of a function whose name ends in
 * _locked holds the arena's lock.
 */
#ifndef PN_IDLE_H
#define PN_IDLE_H

#include "chunk/heap.h"

/*
 * Turns holes, which the caller has populated, into EMPTY slots that are not in the cache. @phys
 * contains their physical addresses.
 */
void pn_idle_fill_locked(struct pn_heap *heap, size_t first, size_t count, const uint64_t *phys);
/* Adds a chunk whose last object was freed. */
void pn_idle_add_locked(struct pn_heap *heap, size_t index);
/* Adds an EMPTY chunk that is not in the cache. */
void pn_idle_put_locked(struct pn_heap *heap, size_t index);
/* Takes a chunk out of the cache, to hold something. */
void pn_idle_take_locked(struct pn_heap *heap, size_t index);

/* Returns true if a slot is idle and the heap's pool can take its memory back. */
bool pn_idle_is_punchable(const struct pn_heap *heap, const struct pn_slot *slot);
/*
 * Gives back the memory of all idle chunks now; nothing if the caller holds a lock, if the heap is
 * being destroyed, or if the thread is announcing other memory. Return: how many chunks.
 */
size_t pn_idle_purge(struct pn_heap *heap);
/* The same for a heap that the caller is destroying. */
size_t pn_idle_purge_ending(struct pn_heap *heap);

/* A heap with too many idle chunks, or with chunks that have decayed (keep.h); or NULL. */
extern struct pn_heap *pn_idle_due;
/*
 * Gives back that heap's excess chunks, or some of those that have decayed, together with idle
 * neighbours, which may be younger. The caller holds no lock, and is the outermost function of the
 * library.
 */
void pn_idle_give_due(void);

static inline bool pn_idle_is_due(void)
{
	return pn_unlikely(__atomic_load_n(&pn_idle_due, __ATOMIC_RELAXED));
}

/* Gives back those of @count slots from @first on that are idle, as pn_idle_purge() does. */
void pn_idle_give_back(struct pn_heap *heap, size_t first, size_t count);
/*
 * Turns idle chunks whose memory could not be given back into holes. The regions of these chunks
 * must not be used again.
 */
void pn_idle_abandon_locked(struct pn_heap *heap);
/*
 * Forgets all chunks of a heap, after their memory has come to belong to another process or heap.
 * The caller holds the arena's lock, or is the only thread of a forked child.
 */
void pn_idle_forget(struct pn_heap *heap);
/* In a forked child: forgets all chunks of @heap, and sets the count of the process to 0. */
void pn_idle_in_child(struct pn_heap *heap);

/*
 * Sets @is_due of the heap if pn_idle_tidy() has something to do: there are too many idle chunks,
 * some have decayed, or a fork has changed the mappings. Reads the clock in one of a few calls only.
 * Slow paths call this function.
 */
void pn_idle_look_locked(struct pn_heap *heap);
/*
 * Does what pn_idle_look_locked() and then pn_idle_tidy() do, but always reads the clock; for a
 * caller that is in no slow path. Takes the arena's lock. Return: true if pn_idle_due is set.
 */
bool pn_idle_check(struct pn_heap *heap);
/* The slow path of pn_idle_tidy(). */
void pn_idle_tidy_now(struct pn_heap *heap);

/*
 * Does the housekeeping that is due: notes in pn_idle_due that chunks are to be given back, and
 * undoes what forks did to the mappings. Slow paths call this function after they have released
 * the arena's lock, which it takes, and the classes' locks, since the kernel may need long.
 */
static inline void pn_idle_tidy(struct pn_heap *heap)
{
	if (pn_unlikely(__atomic_load_n(&heap->is_due, __ATOMIC_RELAXED)))
		pn_idle_tidy_now(heap);
}

#endif /* PN_IDLE_H */

/* SPDX-License-Identifier: MIT */
/*
 * Sampled guards (key guard:N): about one in N objects of up to a chunk has a chunk of its own, and
 * ends where that chunk ends, but for up to 15 bytes, because objects begin at multiples of 16. No
 * memory follows the chunk, so that an access beyond its end faults at once. When the object is freed, its chunk is given back, so that a later access faults, too: also that
 * of a device, if an IOMMU translates for the device.
 *
 * Each thread counts its slow paths and its frees; the fast paths count nothing for this purpose.
 */
#ifndef PN_GUARDED_H
#define PN_GUARDED_H

#include "object/slab.h"

/* N of the key guard:N; 0 for none. One thread writes it at initialisation, while others read. */
extern uint32_t pn_guarded_every;

static inline uint32_t pn_guarded_n(void)
{
	return __atomic_load_n(&pn_guarded_every, __ATOMIC_RELAXED);
}

/* Counts @count objects that the thread has allocated or freed. */
void pn_guarded_count(uint32_t count);
/* Returns the same as pn_guarded_is_due(), if there are sampled guards. */
bool pn_guarded_ask(void);

/* Returns true if the next object that the thread allocates is to be guarded. */
static inline bool pn_guarded_is_due(void)
{
	return pn_unlikely(pn_guarded_n()) && pn_guarded_ask();
}

/* Returns the smaller one of @count and N; @count if there are no sampled guards. */
static inline uint32_t pn_guarded_at_most(uint32_t count)
{
	uint32_t every = pn_guarded_n();

	return every && every < count ? every : count;
}

/*
 * Allocates a guarded object, which is live at once. The caller holds no lock. *is_zeroed: as for
 * pn_medium_alloc(). Return: NULL if the object is too large for a chunk, if there is no memory, or
 * if as many guarded objects are live as may be; the caller then allocates another object.
 */
void *pn_guarded_alloc(size_t size, bool *is_zeroed);

/* Returns true if the object of a record is guarded. */
static inline bool pn_guarded_has(const struct pn_slab *slab)
{
	return slab && slab->heap->is_guarded;
}

#endif /* PN_GUARDED_H */

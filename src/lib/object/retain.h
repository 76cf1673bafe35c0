/* SPDX-License-Identifier: MIT */
/*
 * Retained objects: one that is freed while somebody retains it stays as it is
 * until the last one releases it. An object's state says how often it is retained, so
 * that who allocates and frees others pays nothing, and who retains needs no lock:
 *
 *   bit 0      it was freed
 *   bit 1      the table of retain.c has counted some more
 *   bits 2-7   how often, at least once
 */
#ifndef PN_RETAIN_H
#define PN_RETAIN_H

#include "object/object.h"

#define PN_RETAINED_FREED 1u
#define PN_RETAINED_MORE 2u
#define PN_RETAINED_ONCE 4u

static inline bool pn_state_is_retained(uint8_t state)
{
	return state >= PN_RETAINED_ONCE;
}

static inline bool pn_state_is_freed(uint8_t state)
{
	return pn_state_is_retained(state) ? state & PN_RETAINED_FREED : state == PN_OBJECT_FREED;
}

/* Return: 0; EFAULT, it is not alive; ENOBUFS, over the limit; ENOMEM. */
int pn_retain(const struct pn_object *object);
/*
 * Return: 0; EINVAL, nobody retains it. *is_over: it was freed meanwhile, and nobody retains it any
 * more: the caller frees it, and then calls pn_retain_end().
 */
int pn_retain_release(const struct pn_object *object, bool *is_over);
void pn_retain_end(const struct pn_object *object);
/*
 * Changes an object's state for a program that frees the object; dies if it was freed already. One
 * atomic operation decides between a free and a retain that race.
 * Return: false, the caller gives the memory back; true, somebody retains the object, and will.
 */
bool pn_retain_free(const struct pn_object *object);

/* Is any object of a heap, not the default one, retained, or being freed by who released it? */
bool pn_retain_has_any(const struct pn_heap *heap);
/* Bytes in objects that were freed, but are retained; and how many there may be. */
uint64_t pn_retain_bytes(void);
void pn_retain_set_limit(uint64_t bytes);

/* In a forked child, which retains nothing. */
void pn_retain_in_child(void);

#endif /* PN_RETAIN_H */

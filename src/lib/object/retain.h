/* SPDX-License-Identifier: MIT */
/*
 * Retained objects. An object that is freed while somebody retains it keeps its memory and contents
 * until the last release. The object's state contains the retain count, so that objects which
 * nobody retains cost nothing more, and retaining needs no lock:
 *
 *   bit 0      the object was freed
 *   bit 1      the table of retain.c contains a further part of the count
 *   bits 2-7   the retain count, at least 1
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

/*
 * Retains an object once more. Return: 0; EFAULT, the object is not live; ENOBUFS, the limit of
 * pn_retain_set_limit() would be exceeded; ENOMEM.
 */
int pn_retain(const struct pn_object *object);
/*
 * Releases an object once. Sets *is_over if this was the last release of an object that the program
 * has freed: the caller then gives the memory back, and calls pn_retain_end().
 * Return: 0; EINVAL, nobody retains the object.
 */
int pn_retain_release(const struct pn_object *object, bool *is_over);
/*
 * Subtracts the object from its heap's count of retained objects, after its memory was given back.
 */
void pn_retain_end(const struct pn_object *object);
/*
 * Marks an object as freed by the program; dies if the object was freed already. One atomic
 * operation decides between a free and a retain that race.
 * Return: false, the caller gives the memory back; true, somebody retains the object, and the
 * caller of the last release gives the memory back.
 */
bool pn_retain_free(const struct pn_object *object);

/*
 * Returns true if any object of a heap is retained, or its memory is being given back after the
 * last release. The default heap is not counted.
 */
bool pn_retain_has_any(const struct pn_heap *heap);
/* Returns how many bytes are in objects that were freed but are still retained. */
uint64_t pn_retain_bytes(void);
/* Sets the limit for these bytes; pn_retain() refuses an object that could exceed the limit. */
void pn_retain_set_limit(uint64_t bytes);

/* In a forked child, which retains nothing: clears the counts and the table. */
void pn_retain_in_child(void);

#endif /* PN_RETAIN_H */

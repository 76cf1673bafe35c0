/* SPDX-License-Identifier: MIT */
/*
 * What happens to freed objects if the configuration asks for hardening: they are zeroed, they stay
 * in a quarantine before they are used again, and a write to a zeroed object is detected. The slow
 * paths do all this. Threads cache nothing then, so every call takes a slow path.
 */
#ifndef PN_HARDEN_H
#define PN_HARDEN_H

#include "object/slab.h"

/**
 * struct pn_harden - what the configuration asks for; written only at initialisation
 * @zeroes: freed objects are zeroed
 * @delayed_bytes: the most bytes of freed objects in the quarantine; 0: there is no quarantine
 */
struct pn_harden {
	bool zeroes;
	size_t delayed_bytes;
};

extern struct pn_harden pn_harden;

/* Applies the configuration, and allocates the quarantine. Return: 0 or ENOMEM. */
int pn_harden_init(const struct pn_config *config);

/* Returns true if freed objects go to pn_harden_free(). */
static inline bool pn_harden_frees(void)
{
	return pn_harden.zeroes || pn_harden.delayed_bytes;
}

/*
 * Zeroes a freed object of any size, and puts it into the quarantine, as configured. The object is
 * not inherited, and in no cache.
 */
void pn_harden_free(void *ptr);
/*
 * Dies if a small object that is about to be handed out was written to after it was freed, or if
 * the object that was freed last was: a program often writes to an object shortly after the free.
 */
void pn_harden_check(const struct pn_free *object);
/*
 * Gives back all objects in the quarantine, because memory is short. Return: false if there were
 * none.
 */
bool pn_harden_flush(void);
/* Returns the bytes of objects in the quarantine. */
uint64_t pn_harden_bytes(void);

/* In a forked child: forgets the quarantined objects, which belong to the parent. */
void pn_harden_in_child(void);

#endif /* PN_HARDEN_H */

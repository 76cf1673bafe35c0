/* SPDX-License-Identifier: MIT */
/*
 * What becomes of freed objects when the configuration asks for more than the
 * default: they are zeroed, wait before they are used again, and nobody may have
 * written to them in between. All this is done in slow paths, which every call
 * takes then, since threads cache nothing.
 */
#ifndef PN_HARDEN_H
#define PN_HARDEN_H

#include "object/slab.h"

/**
 * struct pn_harden - what is asked for; written at initialisation only
 * @zeroes: freed objects are zeroed
 * @delayed_bytes: so many bytes of freed objects wait; 0: none
 */
struct pn_harden {
	bool zeroes;
	size_t delayed_bytes;
};

extern struct pn_harden pn_harden;

/* Return: 0 or ENOMEM. */
int pn_harden_init(const struct pn_config *config);

/* Does pn_harden_free() take freed objects? */
static inline bool pn_harden_frees(void)
{
	return pn_harden.zeroes || pn_harden.delayed_bytes;
}

/* @ptr is not live any more, of whatever size; it is not inherited, and in no cache. */
void pn_harden_free(void *ptr);
/* Dies if a small object, which is about to be handed out, was written to after it was freed. */
void pn_harden_check(const struct pn_free *object);
/* Those that wait need not any longer: memory is short. Return: false if there were none. */
bool pn_harden_flush(void);
/* Bytes that wait. */
uint64_t pn_harden_bytes(void);

/* In a forked child: what waits is its parent's, and forgotten. */
void pn_harden_in_child(void);

#endif /* PN_HARDEN_H */

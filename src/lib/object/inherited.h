/* SPDX-License-Identifier: MIT */
/*
 * What a forked child inherited. It is never allocated from; where it holds nothing any more, it goes
 * back to the system: objects of more than a page when they are freed, a slab when its last object
 * is, and a chunk when nothing is left in it. Backends whose pages are larger give chunks back alone.
 */
#ifndef PN_INHERITED_H
#define PN_INHERITED_H

#include "object/object.h"

/* An inherited object is not live any more. */
void pn_inherited_freed(const struct pn_object *object);
/*
 * Gives back everything that holds nothing, also what was free when the process was forked, in other
 * threads' caches too. Return: how many chunks.
 */
size_t pn_inherited_purge(void);

#endif /* PN_INHERITED_H */

/* SPDX-License-Identifier: MIT */
/*
 * Memory that a forked child inherited. Nothing is allocated from inherited memory; the child gives
 * it back to the system when it is no longer in use: a medium or large object when it is freed, a
 * slab when its last object is freed, and a chunk when nothing in it is live. Backends with larger
 * pages give back whole chunks only.
 */
#ifndef PN_INHERITED_H
#define PN_INHERITED_H

#include "object/object.h"

/*
 * Called after an inherited object was marked as freed: gives back its slab, its chunk or its own
 * pages, if nothing there is live any more.
 */
void pn_inherited_freed(const struct pn_object *object);
/*
 * Gives back all inherited memory without a live object, including memory that was free at the fork
 * or lay in the caches of other threads. Return: how many whole chunks were given back.
 */
size_t pn_inherited_purge(void);

#endif /* PN_INHERITED_H */

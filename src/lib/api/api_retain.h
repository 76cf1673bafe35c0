/* SPDX-License-Identifier: MIT */
/* Retains and releases objects, for pinned_retain() and pinned_map(). */
#ifndef PN_API_RETAIN_H
#define PN_API_RETAIN_H

#include "object/object.h"

/*
 * Retains the object that @ptr points into, and describes the object. Return: 0, or an errno as
 * pinned_retain().
 */
int pn_retain_at(const void *ptr, struct pn_object *object);
/* Releases the object that @ptr points into. Return: 0 or EINVAL, as pinned_release(). */
int pn_release_at(const void *ptr);
/* Releases an object that the caller has retained and found. Return: 0 or EINVAL. */
int pn_release_object(const struct pn_object *object);

#endif /* PN_API_RETAIN_H */

/* SPDX-License-Identifier: MIT */
/* The malloc family of a process on pinned memory. */
#ifndef PN_SERVED_H
#define PN_SERVED_H

#include "family.h"

/*
 * The family. Its malloc() tries pinned memory first for requests of every size; the other
 * functions do so for the sizes that pn_route sends to pinned memory.
 */
extern const struct pn_family pn_served;

/* The malloc() for a process in which pn_route sends some sizes to the next malloc. */
void *pn_served_malloc_by_size(size_t size);

/* Statistics and tuning, in introspect.c. */
int pn_served_malloc_trim(size_t pad);
int pn_served_mallopt(int parameter, int value);
struct mallinfo pn_served_mallinfo(void);
struct mallinfo2 pn_served_mallinfo2(void);
int pn_served_malloc_info(int options, FILE *stream);
void pn_served_malloc_stats(void);

#endif /* PN_SERVED_H */

/* SPDX-License-Identifier: MIT */
/*
 * Touches new chunks of a real-time heap (front/realtime.h), so that the program's first access
 * causes no page fault.
 */
#ifndef PN_PREFAULT_H
#define PN_PREFAULT_H

#include "chunk/heap.h"

/*
 * Touches the pages of slots that the backend has just populated, and of the table in which their
 * slabs will be entered. The caller works on these slots (arena/work.h), and needs no lock.
 */
void pn_prefault(size_t first, size_t count);

#endif /* PN_PREFAULT_H */

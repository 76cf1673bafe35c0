/* SPDX-License-Identifier: MIT */
/*
 * Ends the process if somebody has written to the mark of a free object, or to a gap between
 * objects (marks.h). Objects that the process has inherited are not checked.
 */
#ifndef PN_WRITTEN_H
#define PN_WRITTEN_H

#include "object/marks.h"
#include "object/slab.h"

/* Dies if somebody has written to the mark of a free object. */
void pn_mark_check(const void *object);
/*
 * Checks the gaps before and after an object that its slab hands out, and the gap before the object
 * before it, which is likely to be the one that was handed out last. Dies if somebody has written
 * to one of them.
 */
void pn_marks_check_gaps(const struct pn_slab *slab, const void *object);

#endif /* PN_WRITTEN_H */

/* SPDX-License-Identifier: MIT */
/*
 * Finds slots that hold nothing. A tree over all slots says where they are, so that a search takes
 * steps in proportion to the logarithm of the number of slots, whatever the slots before the result
 * hold. The arena's lock covers the tree.
 */
#ifndef PN_SPACE_H
#define PN_SPACE_H

#include "arena/arena.h"

/*
 * Records that @count slots from @first on hold something, or that they hold nothing any more. If
 * there is no memory for a larger tree, slots beyond the tree count as if they held nothing.
 */
void pn_space_note_locked(size_t first, size_t count, bool is_used);
/*
 * Returns the first slot from @from on with which @count slots begin that hold nothing. It may be
 * beyond the last slot that can be claimed. The caller must check whether its heap can take the
 * slots: they may belong to another pool, or a thread may be working on them.
 */
size_t pn_space_find_locked(size_t from, size_t count);
/* Returns true if the tree says that @slot holds something. For assertions. */
bool pn_space_is_used(size_t slot);
/*
 * In a forked child: forgets the tree, which another thread may have been changing. The slots of
 * the parent, used or not, belong to a pool of the parent, and nothing of the child takes them.
 */
void pn_space_in_child(void);

#endif /* PN_SPACE_H */

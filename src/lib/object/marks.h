/* SPDX-License-Identifier: MIT */
/*
 * Marks by which a write outside a live object is found: the first word of some free objects in
 * threads' caches, and the gaps before and after each staggered object of the default heap. The
 * marks are random words, the same in all threads and in forked children.
 *
 * A staggered or medium object gets its mark when it is freed, and an object of any class that
 * nobody has used yet when a thread's cache receives it. The mark is compared when a staggered or
 * medium object is handed out. Other objects are marked and compared in slow paths only.
 */
#ifndef PN_MARKS_H
#define PN_MARKS_H

#include "arena/arena.h"

typedef uint64_t pn_mark __attribute__((may_alias));

/**
 * struct pn_marks - the marks; written only at initialisation
 * @free: the first word of each free object
 * @gap: each word of the gaps
 * @unused_is_zero: slabs of the default heap are zeroed before their first object is handed out
 */
struct pn_marks {
	pn_mark free;
	pn_mark gap;
	bool unused_is_zero;
};

extern struct pn_marks pn_marks __attribute__((visibility("hidden")));

/* Draws the marks. */
void pn_marks_init(void);

/* Marks a free object, whose size is at least 16 bytes. */
static inline void pn_mark_free(void *object)
{
	*(pn_mark *)object = pn_marks.free;
}

/* Returns true if nobody has written to the mark of a free object. */
static inline bool pn_mark_is_intact(const void *object)
{
	return *(const pn_mark *)object == pn_marks.free;
}

/*
 * Fills the gaps of a new slab: before the first object, which is at arena offset @first, and after
 * each of @count objects. The next object begins one gap after an object of @size bytes ends.
 */
void pn_marks_fill_gaps(size_t first, size_t size, size_t count);
/* Returns true if nobody has written to the gap that begins at @at. */
bool pn_marks_is_gap_intact(const void *at);

/*
 * Returns true if nobody has written to four words of these gaps: those next to the object, and
 * those up to 32 bytes away from the object. A free compares no more than these, because a
 * comparison of all words would double the time of a malloc and a free.
 */
static inline bool pn_marks_are_gaps_intact(const void *object, size_t size)
{
	const pn_mark *begin = object, *end = (const pn_mark *)((const char *)object + size);
	pn_mark mark = pn_marks.gap;

	return !((begin[-1] ^ mark) | (begin[-4] ^ mark) | (end[0] ^ mark) | (end[3] ^ mark));
}

#endif /* PN_MARKS_H */

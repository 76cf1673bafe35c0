/* SPDX-License-Identifier: MIT */
/*
 * Messages of one line each. A line is built without allocation, by appending texts and numbers,
 * and is written by one call of write(2). A line that is too long is cut.
 */
#ifndef PN_DIE_H
#define PN_DIE_H

#include "os/base.h"

struct pn_line {
	size_t len;
	char text[500];
};

/* Begins a line with "pinned: ". */
void pn_line_start(struct pn_line *line);
/* Append to a line. Control characters become question marks. */
void pn_line_text(struct pn_line *line, const char *text);
void pn_line_span(struct pn_line *line, const char *text, size_t len);
void pn_line_number(struct pn_line *line, uint64_t value);
/* Writes the line, with a newline, to @fd. */
void pn_line_end(struct pn_line *line, int fd);

/* "pinned: <caller>: invalid pointer <pointer>", then abort(3). */
_Noreturn void pn_die_invalid(const char *caller, const void *pointer);
/*
 * The same with "wrong size or alignment for": the caller of a sized free gave a size or an
 * alignment for which the object cannot have been allocated.
 */
_Noreturn void pn_die_size(const char *caller, const void *pointer);
/* "pinned: write after free to object <pointer>", then abort(3). */
_Noreturn void pn_die_written(const void *pointer);
/* "pinned: write before or after object <pointer>", then abort(3). */
_Noreturn void pn_die_overflow(const void *pointer);
/* "pinned: <caller>: freed pointer <pointer>", or "double free of" in a free; then abort(3). */
_Noreturn void pn_die_freed(const char *caller, const void *pointer);

#endif /* PN_DIE_H */

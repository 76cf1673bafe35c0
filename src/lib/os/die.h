/* SPDX-License-Identifier: MIT */
/*
 * Messages: one line each, written at once by write(2), built without
 * allocation. Numbers and texts are appended to a line in turn.
 */
#ifndef PN_DIE_H
#define PN_DIE_H

#include "os/base.h"

struct pn_line {
	size_t len;
	char text[500];
};

void pn_line_start(struct pn_line *line);
void pn_line_text(struct pn_line *line, const char *text);
void pn_line_span(struct pn_line *line, const char *text, size_t len);
void pn_line_number(struct pn_line *line, uint64_t value);
void pn_line_end(struct pn_line *line, int fd);

/* "pinned: <caller>: invalid pointer <pointer>", then abort(3). */
_Noreturn void pn_die_invalid(const char *caller, const void *pointer);
/* The same, of an object that a request of the size and alignment told does not get. */
_Noreturn void pn_die_size(const char *caller, const void *pointer);
/* "pinned: write after free to object <pointer>", then abort(3). */
_Noreturn void pn_die_written(const void *pointer);
/* As the first, of a pointer that was freed: "double free of" if it is freed again. */
_Noreturn void pn_die_freed(const char *caller, const void *pointer);

#endif /* PN_DIE_H */

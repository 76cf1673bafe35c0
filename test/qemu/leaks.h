/* SPDX-License-Identifier: MIT */
/* Leak reports of a kernel with checkers: see leaks.c. */
#ifndef LEAKS_H
#define LEAKS_H

#include <stdbool.h>

bool leaks_has_kmemleak(void);
bool leaks_has_page_owner(void);

/* Looks for objects that nothing refers to. Returns false if @module allocated one of them. */
bool leaks_none_in_kmemleak(const char *module);
/* Call this after all test modules are unloaded. Returns false if a page of theirs is left. */
bool leaks_none_in_page_owner(void);

#endif

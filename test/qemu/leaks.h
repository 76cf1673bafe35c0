/* SPDX-License-Identifier: MIT */
/* What a kernel with checkers says has leaked: see leaks.c. */
#ifndef LEAKS_H
#define LEAKS_H

#include <stdbool.h>

bool leaks_has_kmemleak(void);
bool leaks_has_page_owner(void);

/* Look for objects that nothing refers to. Return: false if one is of a module's making. */
bool leaks_none_in_kmemleak(const char *module);
/* After all modules of tests are gone. Return: false if a page of theirs is left. */
bool leaks_none_in_page_owner(void);

#endif
